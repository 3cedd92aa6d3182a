"""Question 6: whether a retraining is allowed. Waiting ends when what is known has doubled, and by the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from tasks.decide.root_cause import doubted, untrusted
from tasks.decide.situation import RegimeEvidence, Situation
from tasks.records import MayRetrain, Obstacle, ObstacleKind
from tasks.spec.project_spec import ProjectSpec

DOUBLE = 2
YOUNG_DAYS = 7  # with fewer days since a change, neither a candidate nor a comparison knows what they have in common


def too_old(seen: Situation, spec: ProjectSpec) -> bool:
    """Whether the champion is past the age the policy allows."""
    limit = spec.monitoring.max_model_age_days
    return limit is not None and seen.champion_age_days is not None and seen.champion_age_days > limit


def may_retrain(seen: Situation, spec: ProjectSpec) -> MayRetrain:
    """Answer question 6: is a retraining allowed tonight."""
    obstacles = tuple(_obstacles(seen, spec))
    hurts = seen.performance is not None and seen.performance.past_leeway
    return MayRetrain(
        f"no: {'; '.join(obstacle.sentence for obstacle in obstacles)}" if obstacles else "yes",
        days_since_retraining=_days_since(seen.last_retraining, seen),
        retrainings_in_30_days=seen.retrainings_in_30_days,
        fresh_rows=seen.fresh_rows,
        obstacles=obstacles,
        wanted=hurts or too_old(seen, spec),
    )


def _days_since(day: date | None, seen: Situation) -> int | None:
    return None if day is None else (seen.night - day).days


def _obstacles(seen: Situation, spec: ProjectSpec) -> Iterator[Obstacle]:
    policy = spec.monitoring
    since, since_refused = _days_since(seen.last_retraining, seen), _days_since(seen.last_refused, seen)
    if seen.under_way is not None:
        yield Obstacle(ObstacleKind.UNDER_WAY, f"the retraining of {seen.under_way} is still under way")
    if seen.waiting is not None:
        yield Obstacle(ObstacleKind.WAITING, f"version {seen.waiting} waits for approval")
    if since is not None and since < policy.cooldown_days and not _learned(seen, seen.at_retraining, seen.fresh_rows):
        answer = f"cooldown: {since} of {policy.cooldown_days} days since the last"
        yield Obstacle(ObstacleKind.COOLDOWN, answer)
    if since_refused is not None and since_refused < policy.backoff_days and not _learned_since_refusal(seen):
        answer = f"back-off: the gate refused a challenger {since_refused} of {policy.backoff_days} days ago"
        yield Obstacle(ObstacleKind.BACK_OFF, answer)
    if seen.retrainings_in_30_days >= policy.retrainings_per_month:
        answer = f"budget: {seen.retrainings_in_30_days} of {policy.retrainings_per_month} in 30 days"
        yield Obstacle(ObstacleKind.BUDGET, answer)
    yield from _upstream(seen)
    if seen.untrusted:
        answer = f"under suspicion: {', '.join(state.sentence for state in seen.untrusted)}"
        yield Obstacle(ObstacleKind.SUSPICION, answer)
    if seen.fresh_rows < spec.gate.min_rows:
        yield Obstacle(ObstacleKind.FRESH_ROWS, f"only {seen.fresh_rows} of {spec.gate.min_rows} new labelled rows")
    days, of_class = _regime_days(seen), seen.performance is not None and seen.performance.unknown_alone
    needed = YOUNG_DAYS + (spec.split.holdout_days if of_class else 0)
    if days is not None and days < needed and not too_old(seen, spec):
        answer = f"labels of only {days} of {needed} days are known since the error has left its promise"
        answer += f": of a new class a challenger learns none of the newest {spec.split.holdout_days}" * of_class
        yield Obstacle(ObstacleKind.YOUNG_REGIME, answer)


def _upstream(seen: Situation) -> Iterator[Obstacle]:
    if distrusted := untrusted(seen):
        answer = f"upstream, {', '.join(distrusted)} is not trusted: something is quarantined, or a person is asked"
        yield Obstacle(ObstacleKind.UPSTREAM, answer)
    for state in doubted(seen):
        answer = (
            f"upstream, the answers of {state.project} may have been wrong until {state.doubted_until}: a model "
            "trained on them would be wrong once they are right"
        )
        yield Obstacle(ObstacleKind.UPSTREAM, answer)


def _regime_days(seen: Situation) -> int | None:
    """Return the days since an error past its leeway has left the promise; None where there is none."""
    found = seen.performance
    return found.regime_days if found is not None and found.past_leeway else None


def _learned(seen: Situation, then: RegimeEvidence | None, more: int) -> bool:
    """Return whether an error past its leeway has doubled since a try, or the rows of its regime have, by some more.

    With n rows more than n the error of a mean is smaller by a factor of the square root of two, whatever n is: tries
    at doubled evidence are few, and each knows clearly more than the last.
    """
    found = seen.performance
    if then is None or found is None or not found.past_leeway:
        return False
    return more >= max(then.regime_rows, 1) or found.strain >= DOUBLE * max(then.strain, 1.0)


def _learned_since_refusal(seen: Situation) -> bool:
    """Return the same since the last refusal: the champion, and so the first row of the regime, are as they were."""
    then, found = seen.at_refusal, seen.performance
    if then is None or found is None or found.regime_rows is None:
        return False
    return _learned(seen, then, found.regime_rows - then.regime_rows)
