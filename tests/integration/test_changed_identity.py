"""A spec that gives stored rows or labels another meaning is refused before a night takes in anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from flows.steps.exclusive_run import run_exclusively
from flows.steps.recorded_spec import record_spec
from flows.workspace import Workspace
from tasks import clock
from tasks.errors import SpecError
from tasks.ingest.task import take_in
from tasks.lake import Lake, append_entry, read_entries
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.integration.test_take_in import SPEC
from tests.recorded_entries import decided_night

NIGHT = date(2026, 2, 1)
FIXED: dict[str, tuple[dict[str, Any], str]] = {
    "source.id": ({"source": {"id": ["rooms"]}}, "source.id was .* the rows that are stored"),
    "source.identity": ({"source": {"identity": "id_and_time"}}, "source.identity was 'id' and is 'id_and_time'"),
    "source.event_time": ({"source": {"event_time": "listed"}}, "source.event_time was 'sold' and is 'listed'"),
    "training.task": (
        {"training": {"task": "binary"}, "scope": {"metric": "log_loss"}},
        "training.task was .* the labels that are stored",
    ),
    "the label": ({"source": {"label": {"column": "paid"}}}, "the label was 'price' and is 'paid'"),
}


def spec_with(**changes: Any) -> ProjectSpec:
    merged = {key: {**SPEC.get(key, {}), **changes.get(key, {})} for key in {"scope", "source", *changes}}
    return ProjectSpec.model_validate(SPEC | merged)


@pytest.fixture
def houses(tmp_path: Path) -> Workspace:
    """Give a project that has taken in a delivery, by a spec that is recorded."""
    (tmp_path / "landing").mkdir()
    (tmp_path / "expectations.json").write_text('{"name": "houses", "expectations": []}', encoding="utf-8")
    (tmp_path / "landing" / "2026-01-30.csv").write_text("id,sold,rooms,price\n7,2026-01-29,3,9\n", encoding="utf-8")
    workspace = Workspace(spec_with(), tmp_path, tmp_path, Lake(str(tmp_path / "lake")), cast("Any", None))
    record_spec(workspace, NIGHT)
    moment = clock.now()
    landed = take_in(workspace.lake, workspace.spec, tmp_path, moment.date(), moment)
    store(workspace.lake, workspace.spec, verdicts(landed, workspace.spec, tmp_path), moment.date(), moment)
    return workspace


def run(workspace: Workspace) -> None:
    """Run a night that ends with its work: it began, so its spec was not refused."""

    def work(*_: Any) -> Any:
        raise AssertionError("the night began")

    run_exclusively(workspace, NIGHT, "a test", work, catch_up=False)


@pytest.mark.parametrize("is_decided", [True, False], ids=["decided", "only_taken_in"])
@pytest.mark.parametrize("key", FIXED)
def test_a_changed_identity_is_refused_until_the_change_is_undone(
    houses: Workspace, key: str, *, is_decided: bool
) -> None:
    if is_decided:
        moment = datetime.now(UTC)
        append_entry(houses.lake, "houses", replace(decided_night(), night=moment.date(), time=moment))
    changes, said = FIXED[key]
    changed = replace(houses, spec=spec_with(**changes))
    before = houses.lake.version("houses", "rows")
    for _ in range(2):  # a refused spec is recorded, and stays refused
        with pytest.raises(SpecError, match=said):
            run(changed)
    assert houses.lake.version("houses", "rows") == before
    assert [entry.action for entry in read_entries(houses.lake, "houses", "spec")] == ["recorded", "changed"]
    with pytest.raises(AssertionError, match="the night began"):
        run(houses)


def test_a_spec_may_change_what_it_likes_before_anything_is_stored(houses: Workspace, tmp_path: Path) -> None:
    fresh = replace(houses, lake=Lake(str(tmp_path / "other")))
    record_spec(fresh, NIGHT)
    with pytest.raises(AssertionError, match="the night began"):
        run(replace(fresh, spec=spec_with(source={"identity": "id_and_time"})))
