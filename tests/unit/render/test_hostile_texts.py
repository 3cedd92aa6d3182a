"""Texts that are delivered to be obeyed: each is shown, and neither a terminal, a spreadsheet nor a reader obeys it."""

from __future__ import annotations

import csv
import io
import logging
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.version import Version as Release

from tasks.errors import EvidenceError
from tasks.ingest.task import take_in
from tasks.labeling_queue.returned_labels import read_answers
from tasks.labeling_queue.review_queue import queue_file
from tasks.lake import Lake
from tasks.notify.failed_runs import HIDDEN, hidden, parts_of_address
from tasks.registry import Registry
from tasks.render.sections import ReportTable, Section, markdown_section
from tasks.score.output_files import file_content
from tasks.spec.project_spec import ProjectSpec

FORMULAS = ('=HYPERLINK("http://evil")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1")
SPEC: dict[str, Any] = {
    "project": "houses",
    "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
    "source": {"uri": "landing", "id": ["id"], "event_time": "sold", "label": {"column": "price"}},
    "features": {"numbers": ["rooms"]},
}
FLOORS = {
    "prefect": "3.6.22",
    "mlflow": "3.13",
    "onnx": "1.21",
    "cryptography": "46.0.5",
    "pyarrow": "23.0.1",
    "jinja2": "3.1.6",
}


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_an_id_is_text_in_the_answers(text: str) -> None:
    content = file_content(pd.DataFrame({"row_id": [text], "prediction": [-1.5]}), "csv")
    (row,) = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert row == {"row_id": f"'{text}", "prediction": "-1.5"}


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_a_row_to_review_is_text_and_comes_back_as_it_was(text: str) -> None:
    spec = ProjectSpec.model_validate(SPEC)
    waiting = pd.DataFrame({"row_id": [text], "prediction": [2.5]})
    content = queue_file(waiting, pd.DataFrame({"row_id": [text], "rooms": [3.0]}), spec)
    (row,) = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert row["row_id"] == f"'{text}"
    filled = content.replace(b"2.5,\n", b"2.5,7\n").replace(b'2.5,""\n', b"2.5,7\n")
    assert read_answers(filled, "price").to_dict("list") == {"row_id": [text], "label": ["7"]}


def test_a_number_in_an_answer_stays_a_number() -> None:
    assert file_content(pd.DataFrame({"row_id": ["-5", "+1.5e3"], "prediction": [1.0, 2.0]}), "csv").splitlines()[
        1:
    ] == [
        b"+1.5e3,2.0",
        b"-5,1.0",
    ]


def test_a_file_name_with_escapes_neither_steers_a_terminal_nor_writes_a_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "a\x1b[2J\nerror forged=1.csv").write_bytes(b"id\n1\n")
    with caplog.at_level(logging.WARNING, "leeway"):
        take_in(
            Lake(str(tmp_path / "lake")),
            ProjectSpec.model_validate(SPEC),
            tmp_path,
            date(2099, 1, 1),
            datetime.now(UTC),
        )
    said = [record.getMessage() for record in caplog.records]
    assert said == [r"object_left_alone key='a\x1b[2J\nerror forged=1.csv' why=unsafe_key"]


def test_an_address_in_a_delivered_name_is_no_link_in_an_artifact() -> None:
    evil = "http://evil/ [a](http://evil) <a href=//evil> www.evil.com"
    lines = markdown_section(Section(evil, (f"column {evil} drifted",), ReportTable((evil,), ((evil,),))))
    for line in lines:
        assert not {"http://", "](", "<a", "www."} & {part for part in ("http://", "](", "<a", "www.") if part in line}


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("POST https://hooks/a?token=t0p5ecret&x=1 failed", "t0p5ecret"),
        ("POST https://hooks/a?x=1&api_key=t0p5ecret failed", "t0p5ecret"),
        ("mailto://me:p@ss@host refused", "ss@"),
        ("s3://key:v@lue@host refused", "lue@"),
    ],
)
def test_a_secret_in_an_address_is_in_no_message(said: str, secret: str) -> None:
    assert secret not in hidden(said, {})
    assert HIDDEN in hidden(said, {})


def test_a_part_of_a_notification_address_is_in_no_message() -> None:
    address = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?footer=no%20way%21"
    said = hidden("Slack answered 403 for TIiajkdnlazkcOXrIdevi7FQ of A1BRTD4JD (no way!)", parts_of_address(address))
    assert said == f"Slack answered 403 for {HIDDEN} of {HIDDEN} ({HIDDEN})"


def test_files_that_would_fill_the_machine_are_refused_before_they_are_downloaded() -> None:
    registry = Registry("http://127.0.0.1:1")
    asked: list[str] = []

    def ask(method: str, *_: Any) -> Any:
        asked.append(method)
        return [SimpleNamespace(path="model/model.onnx", is_dir=False, file_size=2**40)]

    # No registry of this size can run here.
    registry._server = SimpleNamespace(ask_or_none=ask, ask=ask)  # type: ignore[assignment]
    version: Any = SimpleNamespace(run_id="r", number=3, project="houses")
    with pytest.raises(EvidenceError, match="have 1,099,511,627,776 bytes; expected at most 2,147,483,648"):
        registry.fetch(version)
    assert asked == ["list_artifacts"]


@pytest.mark.parametrize("name", FLOORS)
def test_no_dependency_may_be_of_a_version_with_a_published_fault(name: str) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {each.name: each for each in map(Requirement, project["dependencies"])}[name]
    lowest = min(Release(part.version) for part in wanted.specifier if part.operator in {">=", "=="})
    assert lowest >= Release(FLOORS[name])
