"""`leeway replay --rollout` on a small project of linear models, from its lake alone."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tasks import clock
from tasks.ingest.task import take_in
from tasks.lake import Lake
from tasks.records import Delivery
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

SPEC = """
project: shops
scope: {owner: me@example.org, objective: Demand of a shop., metric: mean_absolute_error}
source: {uri: landing, id: [id], event_time: day, arrival: filename, label: {column: demand, delay_days: 0}}
features: {numbers: [price, visitors], categories: [kind]}
split: {holdout_days: 28, folds: 1, fold_days: 14}
training: {min_rows: 100, time_treatments: [all_history], estimators: [{use: linear}]}
gate: {max_latency_ms: 1000}
rollout: {strategy: canary, stage_hours: 0.5, bake_hours: 2, stage_rows: 20, shares_from: 0.1}
"""
FIRST, WEEKS, ROWS = date(2026, 1, 5), 30, 60


CLASSES = SPEC.replace("mean_absolute_error", "log_loss").replace("[all_history]", "[all_history], task: multiclass")


@pytest.fixture
def shops(here: Path) -> Path:
    """A project with thirty weeks in its lake; what a candidate learns is what the champion knew."""
    return _shops(here, SPEC)


@pytest.fixture
def classed_shops(here: Path) -> Path:
    """The same with the demand as one of three classes."""
    return _shops(here, CLASSES)


def _shops(here: Path, text: str) -> Path:
    folder, draws = here / "deployments" / "shops", np.random.default_rng(5)
    (folder / "landing").mkdir(parents=True)
    (folder / "project.yaml").write_text(text, encoding="utf-8")
    suite = {"name": "shops", "expectations": []}
    (folder / "expectations.json").write_text(json.dumps(suite), encoding="utf-8")
    for week in range(WEEKS):
        night = FIRST + timedelta(days=7 * week)
        price, visitors = draws.normal(10, 3, ROWS), draws.normal(100, 20, ROWS)
        kind = draws.choice(["bakery", "florist"], ROWS)
        demand = 2 * price + 0.5 * visitors + 10 * (kind == "florist") + draws.normal(0, 5, ROWS)
        cells = {"id": [f"{week}-{row}" for row in range(ROWS)], "day": night.isoformat(), "price": price}
        if text == CLASSES:
            demand = np.array(["low", "usual", "high"])[np.digitize(demand, [65, 85])]
        rows = pd.DataFrame(cells | {"visitors": visitors, "kind": kind, "demand": demand})
        rows.to_csv(folder / "landing" / f"{night}.csv", index=False)
    spec, lake, now = read_spec(folder / "project.yaml"), Lake(str(here / "deployments/.leeway/lake")), clock.now()
    read = [each for each in take_in(lake, spec, folder, date(2027, 1, 1), now) if isinstance(each, Delivery)]
    store(lake, spec, list(verdicts(read, spec, folder)), now.date(), now)
    return folder


@pytest.mark.usefixtures("shops")
def test_a_replayed_rollout_says_what_it_finds_and_how_much_harm_it_allows(leeway: Leeway) -> None:
    said = leeway("replay", "shops", "--rollout", "--seeds", "2", "--per-hour", "500")
    assert said.code == 0, said.err
    lines = {line.split("│")[0].strip(): [cell.strip() for cell in line.split("│")] for line in said.out.splitlines()}
    assert "champion as of 2026-03-23, candidate as of 2026-05-25" in said.out
    for fault in ("number lost", "constant answer", "no number", "category always its first value"):
        _, effect, found, requests, in_canary, *_ = lines[fault]
        assert float(effect.removesuffix(" x")) > 2
        assert (found, in_canary) == ("2 of 2", "2 of 2")
        assert int(requests.split(";")[0].replace(",", "")) <= 200
    assert re.search(r"of 1,000 allowed; more in 0$", said.out, re.MULTILINE)
    assert "without a fault: 0 of 2 rolled back, 2 finished" in said.out


@pytest.mark.usefixtures("classed_shops")
def test_a_rollout_of_several_classes_is_replayed_with_faults_of_their_own(leeway: Leeway) -> None:
    said = leeway("replay", "shops", "--rollout", "--seeds", "2", "--per-hour", "500")
    assert said.code == 0, said.err
    lines = {line.split("│")[0].strip(): [cell.strip() for cell in line.split("│")] for line in said.out.splitlines()}
    for fault in ("number lost", "constant answer", "no number", "classes in another order"):
        _, effect, found, *_ = lines[fault]
        assert (float(effect.removesuffix(" x")) > 2, found) == (True, "2 of 2")
    assert "answers a tenth lower" not in lines
    assert "without a fault: 0 of 2 rolled back" in said.out


@pytest.mark.usefixtures("shops")
def test_what_cannot_be_tried_together_is_said(leeway: Leeway) -> None:
    said = leeway("replay", "shops", "--rollout", "--recorded")
    assert (said.code, "leave out --recorded, --policy and --json" in " ".join(said.err.split())) == (2, True)
    late = leeway("replay", "shops", "--rollout", "--start", "2026-07-20")
    assert (late.code, "begin earlier" in late.err) == (1, True)
