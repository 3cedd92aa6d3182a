"""From the answers to one action."""

from __future__ import annotations

from collections.abc import Callable

from tasks.decide import questions as ask
from tasks.decide import root_cause
from tasks.decide.situation import Situation
from tasks.records import Action, AnyAnswer, Decision, DriftKind
from tasks.spec.project_spec import ProjectSpec

MANY = 3
QUESTIONS: tuple[Callable[[Situation, ProjectSpec], AnyAnswer | None], ...] = (
    ask.enough_rows,
    ask.valid,
    ask.corrupt_or_drifted,
    ask.matters,
    ask.which_kind,
    root_cause.where_first,
    ask.worth_it,
    ask.may_it,
    ask.who_says_yes,
    ask.recovered,
    ask.the_challenger,
)


def decide(seen: Situation, spec: ProjectSpec) -> Decision:
    """Answer every question about a night and choose one action.

    The order is the policy: nothing is trained on broken data, drift alone does not retrain (a moved population is
    not a
    worse model), and an error past its leeway retrains only when it is worth it and allowed. A release that does worse
    than the gate promised asks for a look, unless it is retrained anyway.

    Examples
    --------
    >>> from datetime import date
    >>> spec = ProjectSpec.model_validate({
    ...     "project": "p", "scope": {"owner": "o", "objective": "x", "metric": "mean_absolute_error"},
    ...     "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
    ...     "features": {"numbers": ["a"]}})
    >>> decide(Situation("p", date(2026, 1, 1)), spec).action
    'wait'
    """
    action, reason = _action(seen, spec)
    answers = tuple(answer for question in QUESTIONS if (answer := question(seen, spec)) is not None)
    kind = _kind(seen, action, spec)
    return Decision(seen.project, seen.night, action, kind, root_cause.told(action, reason, seen), answers)


def _action(seen: Situation, spec: ProjectSpec) -> tuple[Action, str]:
    if seen.champion is None:
        return "wait", f"no champion yet: train one with `leeway run retrain {seen.project}` and approve it"
    if seen.quarantined:
        return "quarantine", f"set aside: {', '.join(seen.quarantined)}"
    if seen.suspicions:
        said = "; ".join(each.sentence for each in seen.suspicions[:MANY])
        return "ask", f"{said}: broken or drifted? Nothing is trained until a person has looked"
    action, reason = _quiet_or_not(seen, spec)
    if seen.released is not None and ask.not_recovered(seen) and action != "retrain":
        said = f"version {seen.released.version} does worse than promised: {seen.released.sentence}"
        return "ask", f"{said}; {ask.way_back(seen)}"
    return action, reason


def _quiet_or_not(seen: Situation, spec: ProjectSpec) -> tuple[Action, str]:
    hurts = seen.performance is not None and seen.performance.past_leeway
    old = ask.too_old(seen, spec)
    if not hurts and not old:
        return _quiet(seen)
    why = (
        ask.matters(seen, spec).answer.removeprefix("yes: ")
        if hurts
        else f"the champion is {seen.champion_age_days} days old"
    )
    return _retrain_or_not(seen, spec, why, hurts=hurts)


def _quiet(seen: Situation) -> tuple[Action, str]:
    if seen.window_rows == 0:
        return "wait", "too few rows since the champion's training to judge"
    if seen.local_errors:
        return "hold", f"{ask.local_error(seen.local_errors[0])}; all other rows are within leeway"
    surprised = [each for each in seen.surprises if each.strain > 1]
    if surprised:
        worst = surprised[0]
        how = f"({worst.where or worst.statistic}, {worst.strain:.1f} x its leeway)"
        return "hold", f"labels differ from predictions more than allowed {how}, the error is within leeway"
    if not seen.alarms:
        return "score", "within leeway"
    worst = seen.alarms[0]
    how = "crept" if worst.creep else "moved"
    name = next((each.where for each in seen.alarms if each.column == worst.column and each.where), worst.column)
    harmless = "harmless: " if seen.kind == "virtual" else ""
    return "hold", f"{harmless}{name} {how} ({worst.strain:.1f} x its leeway), no harm seen"


def _retrain_or_not(seen: Situation, spec: ProjectSpec, why: str, *, hurts: bool) -> tuple[Action, str]:
    allowed = ask.may_it(seen, spec)
    if allowed.answer != "yes":
        return "hold", f"{why}; not retraining, {allowed.answer.removeprefix('no: ')}"
    if hurts and ask.worth_it(seen, spec).answer.startswith("no"):
        return "hold", f"{why}; not worth a retraining"
    return ("ask" if spec.automation.retrain == "ask" else "retrain"), why


def _kind(seen: Situation, action: Action, spec: ProjectSpec) -> DriftKind:
    if action == "quarantine":
        return "quality"
    if seen.suspicions:
        return "unclear"
    kind = ask.kind_of(seen)
    return "age" if kind == "none" and action == "retrain" and ask.too_old(seen, spec) else kind
