"""The gate: what a challenger must prove on rows newer than both models before a person is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.evaluate.checks import (
    Check,
    at_most,
    beats_the_trivial_rule,
    enough_labels,
    enough_rows,
    no_slice_worse,
    wins,
)
from tasks.evaluate.comparison_set import Contest, Scored, scored
from tasks.evaluate.cost.latency import latency_ms
from tasks.evaluate.cost.memory import memory_mb
from tasks.evaluate.evidence import Evidence
from tasks.evaluate.loss_comparison import Comparison, Outcome, compare
from tasks.evaluate.slice_checks import SliceResult, slice_results
from tasks.model import TOLERANCE
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import confidence_after

__all__ = ["Contest", "gate"]


@dataclass(frozen=True, slots=True)
class _Found:
    """Everything that was measured; `confidence` is that of the main comparison, `labelled` a share."""

    scored: Scored
    confidence: float
    labelled: float
    main: Comparison
    trivial: Comparison
    slices: tuple[SliceResult, ...]
    latency_ms: float
    memory_mb: float


def gate(contest: Contest, spec: ProjectSpec) -> Evidence:
    """Return the evidence for or against a challenger.

    The challenger is compared with the champion, row by row and judged by whole event days; without a champion, with
    the trivial baseline. It passes with a clear win, when it also clearly beats the baseline, no named slice is clearly
    worse, and parity, latency, size and memory hold. What is not a number never passes. A check that failed makes the
    verdict "refused"; only a challenger that is clearly worse is called that, whatever else failed. Rows that decided
    before ask for a clearer win each time (`confidence_after`).

    Parameters
    ----------
    contest : Contest
        The models and the hold-out.
    spec : ProjectSpec
        The metric, and `gate` with its limits.

    Raises
    ------
    DataError
        The hold-out lacks a column.
    """
    found = _measured(contest, spec)
    policy = spec.gate
    enough = enough_rows(found.scored, policy)
    win = wins(found.main, contest.rival, found.confidence, contest.uses)
    others = [
        enough,
        enough_labels(found.labelled, policy),
        beats_the_trivial_rule(found.trivial, spec),
        no_slice_worse(found.slices, policy),
        at_most("a parity difference (exported against trained model) of", contest.parity, TOLERANCE, ""),
        at_most("a single row's time of", found.latency_ms, policy.max_latency_ms, " ms"),
        at_most("a model size of", contest.challenger.size_mb, policy.max_size_mb, " MB"),
        at_most("a loaded model's memory of", found.memory_mb, policy.max_memory_mb, " MB"),
    ]
    verdict = _verdict(found.main.outcome, others, enough=enough)
    return _evidence(contest, found, verdict, sorted([win, *others], key=lambda check: check.held), spec)


def _measured(contest: Contest, spec: ProjectSpec) -> _Found:
    rows, policy = scored(contest, spec), spec.gate
    losses, confidence = rows.losses, confidence_after(policy.confidence, contest.uses)

    def against(rival: str, min_gain: float, sure: float) -> Comparison:
        return compare(
            losses["challenger"], losses[rival], rows.days, min_gain=min_gain, confidence=sure, groups=rows.groups
        )

    pair = (losses["challenger"], losses.get("champion", losses["baseline"]))
    count = len(rows.rows)
    return _Found(
        scored=rows,
        confidence=confidence,
        labelled=count / (count + contest.awaiting) if count else 0.0,
        main=against(contest.rival, policy.min_gain, confidence),
        trivial=against("baseline", 0.0, policy.confidence),
        slices=slice_results(rows.rows, pair, rows.days, spec) if contest.champion else (),
        latency_ms=latency_ms(contest.challenger, rows.rows) if count else math.nan,
        memory_mb=memory_mb(contest.challenger, rows.rows) if count else math.nan,
    )


def _verdict(outcome: Outcome, others: list[Check], *, enough: Check) -> Outcome:
    if outcome == "worse" and enough.held:
        return "worse"
    return outcome if all(check.held for check in others) else "refused"


def _evidence(contest: Contest, found: _Found, verdict: Outcome, checks: list[Check], spec: ProjectSpec) -> Evidence:
    metric, main, has_champion = spec.scope.metric, found.main, contest.champion is not None
    start, end = found.scored.period
    return Evidence(
        verdict=verdict,
        passed=verdict == "clear_win",
        metric=metric,
        rows=len(found.scored.rows),
        start=start,
        end=end,
        challenger_loss=main.challenger_loss,
        challenger_low=main.challenger_low,
        challenger_high=main.challenger_high,
        challenger_bias=found.scored.bias("challenger"),
        champion_loss=main.other_loss if has_champion else None,
        champion_bias=found.scored.bias("champion") if has_champion else None,
        difference=main.difference,
        difference_low=main.low,
        difference_high=main.high,
        baseline_loss=found.trivial.other_loss,
        slices=found.slices,
        latency_ms=found.latency_ms,
        size_mb=contest.challenger.size_mb,
        parity=contest.parity,
        reasons=tuple(check.sentence for check in checks),
        confidence=found.confidence,
        uses=contest.uses,
        memory_mb=found.memory_mb,
        labelled=found.labelled,
    )
