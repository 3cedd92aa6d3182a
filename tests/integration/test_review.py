"""The review queue on a real lake: rows wait, a person answers in a csv, and the answers come back as labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flows.cli.commands.project_data.review import review_queue
from tasks.dataset.night_data import NightData
from tasks.errors import DataError
from tasks.ingest.task import take_in
from tasks.lake import Batch, Lake, active_rows, add_batches, deliveries, read_entries
from tasks.model import ModelSchema
from tasks.records import AutomationCounts, Entry, ReviewEntry
from tasks.score import answer_destination
from tasks.score.task import Scorer, automated, score_batches
from tasks.spec import ProjectSpec, read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.deliveries import accepted_batch
from tests.integration.test_score import Constant

DAY, MOMENT = date(2026, 1, 2), datetime(2026, 1, 3, tzinfo=UTC)
SPEC = """
project: mine
scope: {{owner: me, objective: A test., metric: mean_absolute_error}}
source:
  uri: landing/rows
  id: [shop, till]
  event_time: at
  arrival: filename
  label: {label}
features: {{numbers: [size]}}
automation: {{degree: {degree}, target_error: 2.0}}
{more}
"""
APART = "{column: price, uri: landing/prices, separator: ';', decimal: ','}"
Making = Callable[..., "Project"]


@dataclass(frozen=True)
class Project:
    """A project with a lake in which rows a, b and c were passed to a person, and d was not."""

    spec: ProjectSpec
    folder: Path
    lake: Lake

    def take_in(self) -> None:
        checked = verdicts(take_in(self.lake, self.spec, self.folder, date(2100, 1, 1)), self.spec, self.folder)
        store(self.lake, self.spec, checked, DAY, MOMENT)

    def labels(self) -> dict[str, float]:
        found = active_rows(self.lake, "mine", "labels")
        return dict(zip(found["row_id"], found["label"], strict=True))


def rows_batch() -> Batch:
    return accepted_batch("rows", DAY, 4, time=MOMENT)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Making:
    def make(label: str = "{column: price}", degree: str = "partial", more: str = "") -> Project:
        folder = tmp_path / "projects" / "mine"
        for place in ("rows", "prices"):
            (folder / "landing" / place).mkdir(parents=True)
        (folder / "project.yaml").write_text(SPEC.format(label=label, degree=degree, more=more))
        (folder / "expectations.json").write_text('{"name": "mine", "expectations": []}')
        monkeypatch.setenv("LEEWAY_PROJECTS", str(folder.parent))
        monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
        monkeypatch.delenv("LEEWAY_LAKE", raising=False)
        lake = Lake(str(tmp_path / "home" / "lake"))
        names = ["007|a", "007|b", "8|c\\|x", "8|d"]
        rows = pd.DataFrame({
            "row_id": names, "shop": ["007", "007", "8", "8"], "till": ["a", "b", "c|x", "d"],
            "at": pd.Timestamp(DAY), "event_date": DAY, "size": [1.0, 2.0, 3.0, 4.0], "batch_id": "rows", "revision": 1,
        })  # fmt: skip
        lake.append_if_absent("mine", "rows", rows, "rows/1")
        said = rows[["row_id", "batch_id", "revision", "event_date"]].assign(
            version=1, role="champion", prediction=[10.0, 20.0, 30.0, 40.0], score=0.0, probabilities=None, time=MOMENT,
            predicted_class=None, lower=None, upper=None,
            confidence=[-2.0, -3.0, -4.0, -1.0], deferred=[True, True, True, False], reasons="size=1 (+2)",
        )  # fmt: skip
        lake.append_if_absent("mine", "predictions", said, "served/rows/1")
        add_batches(lake, "mine", [rows_batch()])
        return Project(read_spec(folder / "project.yaml"), folder, lake)

    return make


def filled(project: Project, path: Path, prices: dict[str, str]) -> None:
    """Write the queue to a file, and fill in some answers."""
    review_queue("mine", path, None)
    sheet = pd.read_csv(path, dtype="str", keep_default_na=False)
    sheet["price"] = [prices.get(name, "") for name in sheet["row_id"]]
    sheet.to_csv(path, index=False)
    assert project.spec.project == "mine"


def reviews(project: Project) -> list[Entry]:
    return read_entries(project.lake, "mine", "review")


def test_the_queue_shows_what_waits_the_least_sure_first(project: Making, capsys: pytest.CaptureFixture[str]) -> None:
    project()
    review_queue("mine", None, None, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert len(shown) > 0
    assert {"row_id", "event_date"} <= set(shown[0])
    review_queue("mine", None, None)
    lines = [line for line in capsys.readouterr().out.splitlines() if "|" in line]
    assert [line.split("│")[0].strip() for line in lines] == ["8|c\\|x", "007|b", "007|a"]


def test_answers_of_a_project_with_labels_that_land_apart_land_there_as_its_others_do(
    project: Making, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, sheet = project(APART), tmp_path / "queue.csv"
    filled(mine, sheet, {"007|a": "12,5", "8|c\\|x": "30"})
    review_queue("mine", None, sheet)
    (landed,) = (mine.folder / "landing" / "prices").iterdir()
    assert landed.read_text() == "shop;till;price\n8;c|x;30\n007;a;12,5\n"
    assert mine.labels() == {}
    mine.take_in()
    assert mine.labels() == {"007|a": 12.5, "8|c\\|x": 30.0}
    (entry,) = reviews(mine)
    assert isinstance(entry, ReviewEntry)
    assert (entry.action, entry.rows) == ("labelled", 2)
    assert "2 labels landed at landing/prices/review-" in entry.reason
    capsys.readouterr()
    review_queue("mine", None, sheet)
    assert "no new label" in capsys.readouterr().out
    review_queue("mine", None, None)
    assert "1 row to review" in capsys.readouterr().out


def test_the_same_answers_twice_are_one_file_and_one_entry(project: Making, tmp_path: Path) -> None:
    mine, sheet = project(APART), tmp_path / "queue.csv"
    filled(mine, sheet, {"007|a": "1"})
    for _ in range(2):
        review_queue("mine", None, sheet)
    assert len(list((mine.folder / "landing" / "prices").iterdir())) == len(reviews(mine)) == 1


def test_answers_of_a_project_with_labels_that_arrive_with_the_rows_are_checked_and_stored_at_once(
    project: Making, tmp_path: Path
) -> None:
    mine, sheet = project(more="contract: {max_bad_share: 0.5}"), tmp_path / "queue.csv"
    filled(mine, sheet, {"007|a": "12.5", "007|b": "20", "8|c\\|x": "a lot"})
    review_queue("mine", None, sheet)
    assert mine.labels() == {"007|a": 12.5, "007|b": 20.0}
    assert "2 labels stored, 1 refused by the contract: not_a_number" in reviews(mine)[0].reason
    (batch,) = (each for each in deliveries(mine.lake, "mine").latest() if each.kind == "labels")
    assert (batch.verdict, batch.rows_accepted, batch.rows_quarantined) == ("partly_quarantined", 2, 1)


def test_pseudonyms_are_not_made_pseudonyms_of_again(project: Making, tmp_path: Path) -> None:
    mine, sheet = project(APART, more="privacy: {pseudonymise: [shop]}"), tmp_path / "queue.csv"
    filled(mine, sheet, {"007|a": "3"})
    review_queue("mine", None, sheet)
    assert mine.labels() == {"007|a": 3.0}
    assert list((mine.folder / "landing" / "prices").iterdir()) == []


def test_an_answer_about_a_row_without_a_question_is_refused_whole(project: Making, tmp_path: Path) -> None:
    mine, sheet = project(), tmp_path / "queue.csv"
    sheet.write_text("row_id,price\n7|a,12\n007|b,1\n")
    with pytest.raises(DataError, match=r"1 answers are about rows .* such as \['7\|a'\].*leading zeros"):
        review_queue("mine", None, sheet)
    assert mine.labels() == {}
    with pytest.raises(DataError, match="one of the two"):
        review_queue("mine", sheet, sheet)


@pytest.mark.parametrize("degree", ["human", "shadow"])
def test_who_decides_alone_is_not_shown_what_the_model_said(project: Making, tmp_path: Path, degree: str) -> None:
    mine = project(degree=degree, more="scoring: {output: out}")
    review_queue("mine", tmp_path / "queue.csv", None)
    assert list(pd.read_csv(tmp_path / "queue.csv")) == ["row_id", "shop", "till", "at", "size", "event_date", "price"]
    assert answer_destination(mine.spec, mine.folder, {}) is None


@pytest.mark.parametrize(
    ("degree", "deferred"), [("human", 2), ("shadow", 2), ("assist", 2), ("partial", 0), ("full", 0)]
)
def test_the_degree_of_automation_has_the_last_word(project: Making, degree: Any, deferred: int) -> None:
    mine = project(degree=degree, more="scoring: {output: out, format: csv}")
    landed = pd.DataFrame({"row_id": ["x", "y"], "event_date": DAY, "batch_id": "new", "revision": 1})
    mine.lake.append_if_absent("mine", "rows", landed, "new/1")
    new = replace(rows_batch(), batch_id="new", rows_accepted=2)
    add_batches(mine.lake, "mine", [new])
    model = Constant(ModelSchema("mine", "regression", "mean_absolute_error", "at"))
    results = answer_destination(mine.spec, mine.folder, {})
    scorer = Scorer(mine.lake, "mine", model, 2, lambda rows: rows, MOMENT, results, mine.spec.automation.degree)
    assert score_batches(scorer, [new]) == 2
    made = mine.lake.read("mine", "predictions", where=[("batch_id", "=", "new")])
    assert int(made["deferred"].sum()) == deferred
    written = list((mine.folder / "out").glob("*.csv"))
    assert len(written) == (0 if degree in {"human", "shadow"} else 1)
    if degree == "assist":
        assert pd.read_csv(written[0])["proposal"].all()


def test_the_automation_rate_and_the_error_of_what_was_automatic(project: Making) -> None:
    mine, labels = project(), pd.DataFrame({"row_id": ["007|a", "8|d"], "label": [99.0, 43.0]})
    labels = labels.assign(batch_id="labels", revision=1, arrival=DAY)
    mine.lake.append_if_absent("mine", "labels", labels, "labels/1")
    add_batches(mine.lake, "mine", [replace(rows_batch(), batch_id="labels", kind="labels")])
    found = automated(NightData.read(mine.lake, mine.spec, DAY))
    assert found.recorded() == AutomationCounts(
        served_rows=4, deferred_share=0.75, automated_labelled=1, automated_error=3.0, target_error=2.0
    )
    empty = automated(NightData.read(mine.lake, mine.spec, date(2027, 1, 1))).recorded()
    assert (empty.deferred_share, empty.automated_error) == (None, None)
    assert np.isclose(found.deferred_share, 0.75)
