"""What the service acknowledges as labels and decisions is what a night reads: nothing that was taken is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from flows.serving.log_carrier import label_rows
from tasks.inference.schema import Task
from tasks.package.compile_contract import compile_contract
from tasks.serve.json_body import decoded
from tasks.serve.protocols.label_api import DecisionTerms, LabelTerms, id_cells, sent_rows
from tasks.serve.replies import Refusal
from tasks.spec import ProjectSpec
from tasks.spec.landing_sections.decisions_section import SERVED_DECISIONS
from tasks.validate.typing.row_ids import row_ids
from tasks.validate.typing.typed_frame import label_values
from tasks.validate.verdict.check_feature_rows import table_of, typed_values
from tasks.validate.verdict.check_labels import label_faults
from tests.unit.serve.packages import spec_of

TASKS: tuple[Task, ...] = get_args(Task)
METRICS = {"regression": "mean_absolute_error", "binary": "error_rate", "multiclass": "error_rate"}
MOMENT = datetime(2026, 2, 4, 5, tzinfo=UTC)
TEXTS = ("0", "1", "true", "yes", "no", "", " ", "NA", "nan", "inf", "bad", "7", "\\N", "1,5")
CELLS = (
    *("0", "1", "0.0", "1.0", "-0.0", "1e0", "7", "0.5", "-3", "1e300", "true", "false", "null", "[]", "{}"),
    *map(json.dumps, TEXTS),
)
IDS = (*CELLS, "98178.0", "9007199254740993")


def spec_for(task: Task) -> ProjectSpec:
    """Return the spec of flats with labels of a kind, and decisions that are taken online."""
    scope = {"owner": "me", "objective": "A test.", "metric": METRICS[task]}
    return spec_of(training={"task": task}, scope=scope, decisions={}, serving={"decisions": True, "labels": True})


def taken(lines: list[str], terms: LabelTerms | DecisionTerms, spec: ProjectSpec) -> list[dict[str, Any]]:
    """Return the rows of a request that the service accepts, as it keeps them."""
    contract, task = compile_contract(spec, ()), spec.training.task
    body = decoded(f'{{"{terms.name}": [{", ".join(lines)}]}}'.encode())
    found = sent_rows(body, terms.cells(contract, task), 100, terms.name, id_cells(contract))
    return list(terms.lines(found, MOMENT))


def accepted(cells: tuple[str, ...], line: str, terms: LabelTerms | DecisionTerms, spec: ProjectSpec) -> dict[str, Any]:
    """Return the rows that the service accepts, by the cell that each has, where every request has one row."""
    found = {}
    for place, cell in enumerate(cells):
        try:
            (found[cell],) = taken([line.replace("PLACE", str(10 + place)).replace("CELL", cell)], terms, spec)
        except Refusal:
            continue
    return found


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("named", [False, True])
def test_a_night_refuses_no_decision_that_the_service_took(task: Task, named: bool) -> None:
    spec = spec_for(task)
    line = '{"flat": PLACE, "day": "2026-02-03", "decision": CELL}'
    line = '{"flat": CELL, "day": "2026-02-03T10:PLACE", "decision": 1}' if named else line
    rows = accepted(IDS if named else CELLS, line, DecisionTerms(), spec)
    assert len(rows) >= 3, "some are taken"
    frame = label_rows([json.dumps(row).encode() for row in rows.values()])
    values, faults = typed_values(frame, table_of(SERVED_DECISIONS, spec), spec)
    assert list(faults) == []
    assert values.notna().all(axis=None)


@pytest.mark.parametrize("task", TASKS)
def test_a_night_refuses_no_label_that_the_service_took(task: Task) -> None:
    spec = spec_for(task)
    line = '{"flat": PLACE, "day": "2026-02-03", "price": CELL}'
    rows = accepted(CELLS, line, LabelTerms("price"), spec)
    frame = label_rows([json.dumps(row).encode() for row in rows.values()])
    faults = label_faults(row_ids(frame, spec), label_values(frame["price"], spec), "price")
    assert len(rows) >= 3, "some are taken"
    assert list(faults) == []


def test_of_two_classes_only_0_and_1_are_decisions_and_labels() -> None:
    line = '{"flat": PLACE, "day": "2026-02-03", "NAME": CELL}'
    for terms, name in ((DecisionTerms(), "decision"), (LabelTerms("price"), "price")):
        rows = accepted(CELLS, line.replace("NAME", name), terms, spec_for("binary"))
        assert list(rows) == ["0", "1", "0.0", "1.0", "1e0", "true", "false"]


def test_an_id_twice_in_a_request_is_refused_by_its_name() -> None:
    spec, line = spec_for("binary"), '{"flat": ID, "day": "2026-02-03DAY", "decision": 1}'
    one, same, other = (line.replace("ID", name).replace("DAY", "") for name in ("7", '"7"', "8"))
    with pytest.raises(Refusal) as refused:
        taken([one, other, same], DecisionTerms(), spec)
    assert (refused.value.status, refused.value.code) == (422, "decision_refused")
    assert refused.value.details == [
        {"row": 2, "column": "flat|day", "reason": "duplicate_id:flat|day", "expected": "each id once in a request"}
    ]
    twice = [line.replace("ID", "7").replace("2026-02-03DAY", f"2026-11-01T01:30:00-0{hours}:00") for hours in (7, 8)]
    assert len(taken(twice, DecisionTerms(), spec)) == 2, "two instants, where clocks go back"
