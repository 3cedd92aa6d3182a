from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest

from tasks import clock
from tasks.errors import Conflict
from tasks.lake import Batch, Lake
from tasks.model import PortableModel
from tasks.score import task
from tasks.score.task import Scorer, score_batches

DAY = date(2026, 1, 1)


class Constant:
    """Answers 1 for every row."""

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        return np.ones(len(rows))

    def from_score(self, score: np.ndarray) -> np.ndarray:
        return score


def batch(name: str) -> Batch:
    return Batch(
        batch_id=name,
        revision=1,
        base=1,
        kind="rows",
        key=f"{name}.csv",
        size_bytes=1,
        stamp="",
        arrival=DAY,
        night=DAY,
        time=clock.now(),
        event_from=DAY,
        event_until=DAY,
        rows_in=2,
        rows_accepted=2,
        rows_quarantined=0,
        rows_elsewhere=0,
        verdict="accepted",
        findings="[]",
    )


BATCHES = [batch("a"), batch("b"), batch("c")]


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    lake = Lake(str(tmp_path))
    for each in BATCHES:
        rows = pd.DataFrame({"row_id": [f"{each.batch_id}1", f"{each.batch_id}2"], "event_date": DAY})
        lake.add_once("mine", "rows", rows.assign(batch_id=each.batch_id, revision=1), each.write_key)
    return Scorer(lake, "mine", cast("PortableModel", Constant()), 1, lambda rows: rows, clock.now())


def answered(scorer: Scorer) -> list[tuple[str, int, str]]:
    made = scorer.lake.read("mine", "predictions")
    return sorted(zip(made["row_id"], made["version"], made["role"], strict=True))


def test_a_row_is_served_once_and_a_later_champion_answers_for_it_as_a_shadow(scorer: Scorer) -> None:
    assert score_batches.fn(scorer, BATCHES[:2]) == 4
    assert score_batches.fn(scorer, BATCHES[:2]) == 0
    assert score_batches.fn(replace(scorer, version=2), BATCHES) == 6
    assert answered(scorer) == [
        ("a1", 1, "champion"), ("a1", 2, "shadow"), ("a2", 1, "champion"), ("a2", 2, "shadow"),
        ("b1", 1, "champion"), ("b1", 2, "shadow"), ("b2", 1, "champion"), ("b2", 2, "shadow"),
        ("c1", 2, "champion"), ("c2", 2, "champion"),
    ]  # fmt: skip


def test_many_batches_share_a_commit_as_far_as_memory_allows(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "ROWS_AT_ONCE", 4)
    assert score_batches.fn(scorer, BATCHES) == 6
    assert scorer.lake.version("mine", "predictions") == 1  # counted from 0: two batches, then one
    assert len(answered(scorer)) == 6


def test_what_another_run_answered_meanwhile_is_a_conflict_and_nothing_is_written_twice(scorer: Scorer) -> None:
    assert score_batches.fn(scorer, BATCHES[:1]) == 2
    with pytest.raises(Conflict, match="another run of mine answered for some of 2 batches meanwhile"):
        scorer.write(BATCHES[:2], "champion")
    assert len(answered(scorer)) == 2
    assert score_batches.fn(scorer, BATCHES) == 4
