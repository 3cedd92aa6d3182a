"""`leeway quarantine` and `leeway predictions`: rows that were refused, and answers, for people and programs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, latest
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

NIGHT, NOON = date(2100, 1, 31), datetime(2100, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def lake(here: Path, leeway: Leeway, orders: pd.DataFrame) -> Lake:
    """The project `orders` after a night with a delivery of which two rows have a formula instead of a size."""
    orders.to_csv("orders.csv", index=False)
    assert leeway("init", "orders.csv", "--time", "date", "--label", "price").code == 0
    folder = here / "deployments" / "orders"
    broken = orders.astype({"size": object}).head(40)
    broken.loc[[3, 5], "size"] = "=1+1"
    broken["order_id"] += 1_000
    broken.to_csv(folder / "landing" / "broken.csv", index=False)
    made, spec = Lake(str(here / "deployments" / ".leeway" / "lake")), read_spec(folder / "project.yaml")
    store(made, spec, verdicts(take_in(made, spec, folder, NIGHT, NOON), spec, folder), NIGHT, NOON)
    return made


def test_quarantined_rows_are_listed_with_their_reason_shown_and_written(lake: Lake, leeway: Leeway) -> None:
    listed = leeway("quarantine", "orders")
    assert (listed.code, listed.err) == (0, "")
    assert "broken.csv" in listed.out
    assert "2 of 40" in listed.out
    (batch,) = [one for one in latest(lake, "orders") if one.rows_quarantined]
    shown = leeway("quarantine", "orders", batch.batch_id[:8])
    assert "size==1+1" in shown.out
    assert "not_a_number" in shown.out
    written = leeway("quarantine", "orders", "broken.csv", "--out", "bad.csv")
    assert "2 quarantined rows of broken.csv written to bad.csv" in written.out
    rows = pd.read_csv("bad.csv", dtype=str)
    assert list(rows["size"]) == ["'=1+1", "'=1+1"]  # no program evaluates it
    assert rows["reasons"].str.contains("not_a_number").all()
    (plain,) = json.loads(leeway("quarantine", "orders", "--json").out)
    assert (plain["key"], plain["rows_quarantined"]) == ("broken.csv", 2)
    assert plain["findings"][0]["rule"] == "not_a_number"


def test_what_no_batch_is_named_like_is_refused_with_those_that_are_there(lake: Lake, leeway: Leeway) -> None:
    assert latest(lake, "orders")
    said = leeway("quarantine", "orders", "nothing.csv")
    assert said.code == 1
    assert "(broken.csv)" in said.err
    assert leeway("quarantine", "orders", "--out", "bad.csv").code == 2


def test_a_project_without_quarantined_rows_says_so(leeway: Leeway, here: Path, orders: pd.DataFrame) -> None:
    orders.to_csv(here / "orders.csv", index=False)
    assert leeway("init", "orders.csv", "--time", "date", "--label", "price").code == 0
    assert "orders has no quarantined rows" in leeway("quarantine", "orders").out
    assert leeway("predictions", "orders", "--out", "answers.csv").code == 1


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_the_answers_that_count_are_written_as_one_file(lake: Lake, leeway: Leeway, name: str) -> None:
    rows = active_rows(lake, "orders", "rows")
    answers = rows[["row_id", "batch_id", "revision", "event_date"]].assign(
        version=3,
        role="champion",
        prediction=np.arange(len(rows)) / 7,
        score=0.0,
        confidence=0.5,
        deferred=False,
        reasons="",
        probabilities=None,
        predicted_class=None,
        lower=None,
        upper=None,
        time=NOON,
    )
    killed = answers.assign(batch_id="of a night that was killed", prediction=-1.0)
    lake.append_if_absent("orders", "predictions", answers, "served/1")
    lake.append_if_absent("orders", "predictions", killed, "served/2")
    said = leeway("predictions", "orders", "--out", name)
    assert said.code == 0, said.err
    assert f"{len(rows)} predictions written to {name}" in said.out
    written = pd.read_csv(name) if name.endswith("csv") else pd.read_parquet(name)
    assert sorted(written["prediction"]) == sorted(answers["prediction"])
    assert set(written["version"]) == {3}
    assert "batch_id" not in written
    some = leeway("predictions", "orders", "--out", name, "--since", "2026-01-10", "--until", "2026-01-11")
    inside = rows["event_date"].map(str).isin(["2026-01-10", "2026-01-11"]).sum()
    assert f"{inside} predictions" in some.out
    assert [path.name for path in Path().iterdir() if path.name.endswith(".part")] == []


def test_an_ending_that_names_no_format_is_refused(lake: Lake, leeway: Leeway) -> None:
    assert latest(lake, "orders")
    said = leeway("predictions", "orders", "--out", "answers.xlsx")
    assert said.code == 1
    assert "expected a file that ends in .csv or .parquet" in said.err


def test_all_projects_are_written_to_one_page(lake: Lake, leeway: Leeway) -> None:
    assert latest(lake, "orders")
    broken = Path("deployments/broken/project.yaml")
    broken.parent.mkdir()
    broken.write_text("project: 7")
    said = leeway("status", "--page", "all.html")
    assert said.code == 0, said.err
    text = Path("all.html").read_text(encoding="utf-8")
    assert "orders" in text
    assert "leeway check broken" in text
    assert leeway("status", "orders", "--page", "all.html").code == 2
