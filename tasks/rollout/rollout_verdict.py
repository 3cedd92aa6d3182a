"""What follows from what a rollout has seen: the next share, the end, a person's decision, or nothing yet.

A candidate is never promoted because nothing was found: before it answers anything, the tests must have shown that it
differs less than the limits; afterwards, any test that finds a difference which was not promised ends the rollout. It
answers all requests only after guardrails on what users do, if there are any, are shown to hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.rollout.betting import ALARMS, CONFIRMING, PairedTest, evidence, evidence_since, threshold
from tasks.rollout.rollout_terms import RolloutSums, RolloutTerms
from tasks.rollout.sample_ratio import ratio_evidence

RAMP = 4
MOST_STAGES = 6  # from one thousandth to all by fours: the sample ratio is tested in each
Outcome = Literal["advanced", "rolled_back", "doubted", "finished"]
FOUND = {
    PairedTest.CHANGED: "more decisions differ from the champion's than the gate promised",
    PairedTest.SIZE: "the answers differ more from the champion's than the gate promised",
    PairedTest.UP: "the answers are higher than the gate promised",
    PairedTest.DOWN: "the answers are lower than the gate promised",
}


@dataclass(frozen=True, slots=True)
class RolloutStage:
    """The stage of a rollout: the candidate's share, and how many hours it has had it."""

    share: float
    hours: float


@dataclass(frozen=True, slots=True)
class RolloutVerdict:
    """What to do, the share from then on, and why."""

    outcome: Outcome
    share: float
    reason: str


def judge(terms: RolloutTerms, stage: RolloutStage, sums: RolloutSums) -> RolloutVerdict | None:
    """Return what follows from the sums of all workers; None if the stage goes on."""
    if (fault := harm(terms, sums)) is not None:
        return RolloutVerdict("rolled_back", 0.0, fault)
    if (doubt := _doubt(terms, stage, sums)) is not None:
        return RolloutVerdict("doubted", stage.share, doubt)
    open_points = _open_points(terms, stage, sums)
    if not open_points:
        return _next(terms, stage, sums)
    if stage.hours >= terms.longest_hours(stage.share):
        return RolloutVerdict("doubted", stage.share, f"{stage.hours:.0f} hours have passed: {'; '.join(open_points)}")
    return None


def must_wait(terms: RolloutTerms, stage: RolloutStage, sums: RolloutSums) -> bool:
    """Return whether `judge` surely returns None, without the sums over bets: for simulations, which look very often.

    The evidence of a test is a mean over its bets and starts, so it is at most that of the best of them.

    >>> from tasks.rollout.rollout_terms import NOTHING_SEEN
    >>> terms = RolloutTerms((0.1,) * 6, 0.01, 10, 0.01, bake_hours=24.0, doubt_hours=72.0, stage_hours=1.0)
    >>> must_wait(terms, RolloutStage(0.0, 0.5), NOTHING_SEEN), must_wait(terms, RolloutStage(0.0, 73.0), NOTHING_SEEN)
    (True, False)
    """
    grown = [sums.wealth, *(sums.wealth - start for start in sums.starts)]
    highest = max(each[list(ALARMS)].max() for each in grown)
    if sums.stopped or sums.refused or sums.guardrails or highest >= alarm_level(terms):
        return False
    if stage.hours >= terms.longest_hours(stage.share) or (stage.share == 1 and sums.spent >= terms.quota):
        return False
    if sums.of_candidate or sums.of_champion:
        return False  # the sample ratio may be in doubt
    answered = sums.answers if stage.share else sums.rows
    return answered < terms.stage_rows or bool(_missing_time(terms, stage, sums))


def harm(terms: RolloutTerms, sums: RolloutSums) -> str | None:
    """Return why a rollout must end now; None if it need not.

    The tests share the probability of a false rollback.
    """
    if sums.stopped:
        return f"the candidate failed in three requests in a row ({sums.faults} in all); the champion answered them"
    bound = alarm_level(terms)
    found = [FOUND[test] for test in ALARMS if alarm_evidence(terms, sums, test) >= bound]
    worse = [f"users' {each.name} is worse: {each.seen}" for each in sums.guardrails if each.worse >= bound]
    return "; ".join([*worse, f"{'; '.join(found)}: {differences(sums)}"] if found else worse) or None


def alarm_evidence(terms: RolloutTerms, sums: RolloutSums, test: PairedTest) -> float:
    """Return the logarithm of the evidence of a test that ends a rollout."""
    return evidence_since(sums.wealth, sums.starts, test) if terms.bets_by_stage else evidence(sums.wealth, test)


def alarm_level(terms: RolloutTerms) -> float:
    """Return the logarithm of the evidence from which on a test ends a rollout: guardrails are tests too.

    >>> terms = RolloutTerms((0.1,) * 6, 0.04, 10, 0.01, 24.0, 72.0)
    >>> import math
    >>> round(math.exp(alarm_level(terms)), 6)
    100.0
    """
    return threshold(terms.alpha, len(ALARMS) + len(terms.guardrails))


def differences(sums: RolloutSums) -> str:
    """Return what was seen, in words."""
    share = 100 * sums.changed / sums.rows if sums.rows else 0.0
    return (
        f"{sums.changed:,} of {sums.rows:,} answers changed ({share:.1f} %), {sums.spent:,} changed answers were sent"
    )


def _doubt(terms: RolloutTerms, stage: RolloutStage, sums: RolloutSums) -> str | None:
    if sums.refused:
        return f"the candidate did not repeat its reference requests in {sums.refused} workers; see /ready"
    if stage.share == 1 and sums.spent >= terms.quota:
        return f"the {terms.quota:,} changed answers are used up, so that it sends only answers like the champion's"
    uneven = ratio_evidence(sums.of_candidate, sums.of_champion, stage.share)
    if uneven >= threshold(terms.alpha, MOST_STAGES):
        return (
            f"{sums.of_candidate:,} of {sums.of_candidate + sums.of_champion:,} entities belong to the candidate, and "
            f"{100 * stage.share:g} % were intended; see rollout.entity"
        )
    return None


def _open_points(terms: RolloutTerms, stage: RolloutStage, sums: RolloutSums) -> list[str]:
    """Return what is missing for the next stage."""
    missing = _missing_time(terms, stage, sums)
    confirmed = all(evidence(sums.wealth, test) >= threshold(terms.alpha) for test in CONFIRMING)
    if stage.share == 0 and sums.rows < terms.stage_rows:
        missing.append(f"both versions have answered {sums.rows} rows of {terms.stage_rows}")
    if not confirmed:
        missing.append(f"it is not shown that it differs less than the limits: {differences(sums)}")
    if stage.share > 0 and sums.answers < terms.stage_rows:
        missing.append(f"the candidate has answered {sums.answers} rows of {terms.stage_rows}")
    if stage.share < 1 and expected_changes(sums, terms.stage_rows) > terms.quota - sums.spent:
        missing.append(f"the next stage may need more changed answers than are left of {terms.quota:,}")
    if 0 < stage.share < 1 and _next_share(terms, stage) == 1:
        missing += _unproven_guardrails(terms, sums)
    return missing


def _unproven_guardrails(terms: RolloutTerms, sums: RolloutSums) -> list[str]:
    """Return the guardrails of which it is not shown yet that they hold: afterwards no user gets the champion."""
    known = {each.name: each for each in sums.guardrails}
    missing = []
    for name in (each.name for each in terms.guardrails):
        seen = known.get(name)
        if seen is None or seen.harmless < threshold(terms.alpha):
            what = "no night has compared it" if seen is None else seen.seen
            missing.append(f"it is not shown that users' {name} is not worse: {what}")
    return missing


def _missing_time(terms: RolloutTerms, stage: RolloutStage, sums: RolloutSums) -> list[str]:
    """Return that the time of a stage is not over; only hours in which requests came in are evidence."""
    needed, busy = terms.stage_hours, sums.busy_seconds / 3600
    if stage.share == 1:
        needed, busy = terms.bake_hours, stage.hours if terms.counts_idle else min(busy, stage.hours)
    return [f"{busy:.1f} of {needed:g} hours with requests are over"] if busy < needed else []


def expected_changes(sums: RolloutSums, rows: int) -> float:
    """Return how many changed answers a stage of some rows is expected to send: the risk that the ramp takes.

    >>> from dataclasses import replace
    >>> from tasks.rollout.rollout_terms import NOTHING_SEEN
    >>> expected_changes(replace(NOTHING_SEEN, rows=1000, changed=20), rows=100)
    2.0
    """
    return rows * sums.changed / sums.rows if sums.rows else 0.0


def _next(terms: RolloutTerms, stage: RolloutStage, sums: RolloutSums) -> RolloutVerdict:
    if stage.share == 1:
        return RolloutVerdict("finished", 1.0, f"it answered as promised: {differences(sums)}")
    share = _next_share(terms, stage)
    return RolloutVerdict("advanced", share, f"{100 * share:g} % of the requests: {differences(sums)}")


def _next_share(terms: RolloutTerms, stage: RolloutStage) -> float:
    return min(1.0, RAMP * stage.share) if stage.share else terms.first_share
