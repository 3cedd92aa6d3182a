"""Evidence outlives the release that wrote it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import EvidenceError
from tasks.evaluate import PROTOCOL, Evidence, SliceResult
from tasks.records import GapComparison, GroupGap, MeasuredMetric, MetricComparison
from tasks.rollout import ChangePromise

FROZEN = Path(__file__).parent / "frozen"
EVIDENCE = Evidence(
    verdict="refused",
    passed=False,
    metric="mean_absolute_error",
    rows=280,
    start=date(2024, 2, 1),
    end=date(2024, 2, 28),
    challenger_loss=0.75,
    challenger_low=0.7,
    challenger_high=0.8,
    challenger_bias=0.05,
    champion_loss=1.0,
    champion_bias=-0.5,
    difference=-0.25,
    difference_low=-0.3,
    difference_high=-0.2,
    baseline_loss=20.0,
    slices=(SliceResult("zip", "b", 140, 4.0, 2.0, 1.0, 0.0, refused=True),),
    latency_ms=1.5,
    size_mb=0.25,
    parity=0.0,
    reasons=(
        "found slices zip = b +100.0%; expected none more than 10% worse, beyond chance",
        "passed: found 280 labelled rows newer than both models; expected 200",
    ),
    confidence=0.975,
    uses=1,
    memory_mb=12.5,
    labelled=0.9,
    change=ChangePromise(280, 1.5, 0.02, 0.05, 0.1, 0.15, -0.02, -0.12, 0.08),
    metrics=(
        MetricComparison(
            MeasuredMetric("r2", higher_is_better=True, value=0.75, low=0.7, high=0.8),
            champion=0.7,
            difference=0.05,
            difference_low=0.01,
            difference_high=0.09,
            max_loss=0.02,
        ),
    ),
    fairness=(
        GapComparison(
            GroupGap("zip", "b", "error", 140, 4.0, 2.0, 2.0, 1.5, 2.5, limit=1.0, is_past_limit=True),
            champion=0.5,
            p_value=0.0,
            refused=True,
        ),
    ),
    weight="amount",
    effective_rows=250.5,
)


BEFORE_8 = replace(EVIDENCE, weight=None, effective_rows=None)
BEFORE_7 = replace(
    BEFORE_8,
    fairness=tuple(replace(one, challenger=replace(one.challenger, is_past_limit=False)) for one in EVIDENCE.fairness),
)
BEFORE_6 = replace(BEFORE_8, fairness=())
BEFORE_5 = replace(BEFORE_6, metrics=())
OLDER = replace(BEFORE_5, reasons=EVIDENCE.reasons[:1], change=None)


def frozen_evidence(protocol: int) -> Evidence:
    return Evidence.from_dict(json.loads((FROZEN / f"evidence_{protocol}.json").read_text(encoding="utf-8")))


def test_evidence_frozen_by_protocol_1_is_still_read_and_what_it_lacks_is_not_known() -> None:
    old = frozen_evidence(1)
    assert [math.isnan(each) for each in (old.confidence, old.memory_mb, old.labelled)] == [True] * 3
    assert replace(old, confidence=0.975, uses=1, memory_mb=12.5, labelled=0.9) == OLDER


def test_evidence_frozen_by_protocol_2_is_still_read() -> None:
    assert frozen_evidence(2) == OLDER


def test_evidence_frozen_by_protocol_3_is_still_read_and_promises_nothing_of_changed_answers() -> None:
    assert frozen_evidence(3) == replace(BEFORE_5, change=None)


def test_evidence_frozen_by_protocol_4_is_still_read_and_has_no_further_metric() -> None:
    assert frozen_evidence(4) == BEFORE_5


def test_evidence_frozen_by_protocol_5_is_still_read_and_has_no_groups() -> None:
    assert frozen_evidence(5) == BEFORE_6


def test_evidence_frozen_by_protocol_6_is_still_read_and_names_no_difference_past_its_limit() -> None:
    assert frozen_evidence(6) == BEFORE_7


def test_evidence_frozen_by_protocol_7_is_still_read_and_weighs_all_rows_alike() -> None:
    assert frozen_evidence(7) == BEFORE_8


def test_of_an_older_release_that_passed_no_sentence_is_a_refusal() -> None:
    content = {**OLDER.to_dict(), "protocol": 2, "passed": True, "reasons": ["found a", "passed: found b"]}
    old = Evidence.from_dict(content)
    assert (old.reasons, old.refusal) == (("passed: found a", "passed: found b"), "")


def test_todays_form_is_the_frozen_one() -> None:
    frozen = json.loads((FROZEN / f"evidence_{PROTOCOL}.json").read_text(encoding="utf-8"))
    assert EVIDENCE.to_dict() == frozen, "the form changed: follow the recipe in tasks/evaluate/evidence.py"


def test_every_protocol_has_a_frozen_file() -> None:
    assert [path.name for path in sorted(FROZEN.iterdir())] == [f"evidence_{n}.json" for n in range(1, PROTOCOL + 1)]


def test_what_is_not_a_number_is_null_in_the_file_and_not_a_number_again() -> None:
    unknown = replace(EVIDENCE, difference=math.nan, latency_ms=math.inf, start=None, end=None)
    content = json.loads(json.dumps(unknown.to_dict(), allow_nan=False))
    assert (content["difference"], content["latency_ms"], content["start"]) == (None, None, None)
    again = Evidence.from_dict(content)
    assert math.isnan(again.difference)
    assert math.isnan(again.latency_ms)
    assert again.start is None


@pytest.mark.parametrize("content", [{}, {"protocol": 99}, {"protocol": 1}, {"protocol": 1, "slices": [{}]}])
def test_what_is_no_evidence_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(EvidenceError):
        Evidence.from_dict(content)
