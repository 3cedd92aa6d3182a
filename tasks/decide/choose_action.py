"""One action for a night, from the answers to its questions."""

from __future__ import annotations

from collections.abc import Callable

from tasks.decide import questions as ask
from tasks.decide import root_cause
from tasks.decide.retraining_limits import may_retrain, too_old
from tasks.decide.situation import Situation
from tasks.decide.unknown_classes import with_unknown_classes
from tasks.decide.users_view import fallen, held_degree, moved_outputs, outputs, people
from tasks.records import Action, AnyAnswer, Decision, DriftKind, subjects
from tasks.spec.project_spec import ProjectSpec

MANY = 3
QUESTIONS: tuple[Callable[[Situation, ProjectSpec], AnyAnswer | None], ...] = (
    ask.enough_rows,
    ask.valid,
    ask.corrupt_or_drifted,
    ask.matters,
    ask.which_kind,
    root_cause.where_first,
    ask.worth_retraining,
    may_retrain,
    ask.who_approves,
    ask.recovered,
    ask.challenger_in_service,
    ask.served_as_batch,
    outputs,
    people,
    held_degree,
)


def decide(seen: Situation, spec: ProjectSpec) -> Decision:
    """Answer every question about a night and choose one action.

    The order is the policy: nothing is trained on broken data, drift alone does not retrain (other rows are not a worse
    model), and an error past its leeway retrains only when it is worth it and allowed. A prediction service that does
    not answer as the batch does is reported to a person whatever the action, and so is a released model that does worse
    than it promised, unless a retraining starts anyway.

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
    reason = with_unknown_classes(reason, seen)
    answers = tuple(answer for question in QUESTIONS if (answer := question(seen, spec)) is not None)
    kind = _kind(seen, action, spec)
    return Decision(seen.project, seen.night, action, kind, root_cause.with_root_cause(action, reason, seen), answers)


def _without_champion(seen: Situation) -> str:
    train = f"train one with `leeway run retrain {seen.project}` and approve it"
    if seen.lost_champion is None:
        return f"no champion yet: {train}"
    return (
        f"version {seen.lost_champion} is champion by the decision record, but the registry no longer has it: restore "
        f"it from a backup, or {train}"
    )


def _action(seen: Situation, spec: ProjectSpec) -> tuple[Action, str]:
    if seen.champion is None:
        return "wait", _without_champion(seen)
    if seen.quarantined:
        reason = _with_questions(f"quarantined: {', '.join(seen.quarantined)}", seen)
        return "quarantine", "; ".join([reason, *_to_see(seen), *_worse(seen)])
    if seen.new_suspicions:
        suspected = "; ".join(suspicion.sentence for suspicion in seen.new_suspicions[:MANY])
        question = f"Nothing is trained until a person has said it: {ask.way_to_answer(seen)}"
        return "ask", "; ".join([f"{suspected}: broken or drifted? {question}", *_to_see(seen), *_worse(seen)])
    action, reason = _by_error(seen, spec)
    if action in {"retrain", "ask"}:
        reason = "; ".join([reason, *_to_see(seen), *(_worse(seen) if action == "ask" else [])])
    elif wrong := [*_to_see(seen), *_worse(seen)]:
        return "ask", "; ".join(wrong)
    if shown := moved_outputs(seen):
        action, reason = ("hold" if action == "score" else action), "; ".join([reason, *shown])
    if not seen.open_suspicions:
        return action, reason
    return ("hold" if action == "score" else action), _with_questions(reason, seen)


def _to_see(seen: Situation) -> list[str]:
    """Return what a person must see whatever the action is."""
    return [*_skewed(seen), *fallen(seen)]


def _skewed(seen: Situation) -> list[str]:
    """Return that the prediction service answers in another way; nothing if it does not."""
    if seen.served is None or not seen.served.differing:
        return []
    return [f"the prediction service answers in another way than the batch: {ask.skew(seen.served, named=False)}"]


def _worse(seen: Situation) -> list[str]:
    """Return that the released model does worse than promised, and the way back; nothing if it does not."""
    if seen.released is None or not ask.not_recovered(seen):
        return []
    worse = f"version {seen.released.version} does worse than promised: {seen.released.sentence}"
    return [f"{worse}; {ask.way_back(seen)}"]


def _with_questions(reason: str, seen: Situation) -> str:
    """Return a reason with the suspicions that are open."""
    asked = [state.sentence for state in seen.open_suspicions if state.unanswered][:MANY]
    known = [f"{state.sentence} is a fault" for state in seen.open_suspicions if not state.unanswered][:MANY]
    still = [f"still open: {', '.join(asked)} ({ask.way_to_answer(seen)})"] if asked else []
    return "; ".join([reason, *known, *still])


def _by_error(seen: Situation, spec: ProjectSpec) -> tuple[Action, str]:
    if seen.overdue:
        return "hold", f"{seen.overdue}; the window is of old rows, so nothing is trained"
    hurts = seen.performance is not None and seen.performance.past_leeway
    old = too_old(seen, spec)
    if not hurts and not old:
        return _by_drift(seen, spec)
    why = (
        ask.matters(seen, spec).answer.removeprefix("yes: ")
        if hurts
        else f"the champion is {seen.champion_age_days} days old"
    )
    return _retrain_or_not(seen, spec, why, hurts=hurts)


def _by_drift(seen: Situation, spec: ProjectSpec) -> tuple[Action, str]:
    if seen.window_rows == 0:
        return "wait", "too few rows since the champion's training to judge"
    if seen.local_errors:
        return "hold", f"{ask.local_error(seen.local_errors[0])}; all other rows are within leeway"
    surprised = [statistic for statistic in seen.surprises if statistic.strain > 1]
    if surprised:
        worst = surprised[0]
        how = f"({worst.where or worst.statistic}, {worst.strain:.1f} x its leeway)"
        text = f"labels differ from predictions more than allowed {how}"
        return "hold", f"{text}{_since(worst.column, seen)}, the error is {ask.how_sure(seen)}"
    if not seen.alarms:
        return "score", ask.how_sure(seen)
    worst = seen.alarms[0]
    how = "crept" if worst.creep else "moved"
    name = subjects(seen.alarms)[worst.column]
    harm = ask.harm_so_far(seen, spec)
    harmless = "harmless: " if seen.kind == "virtual" and harm == ask.NO_HARM else ""
    return "hold", f"{harmless}{name} {how} ({worst.strain:.1f} x its leeway){_since(worst.column, seen)}, {harm}"


def _since(column: str, seen: Situation) -> str:
    """Return since which night a column is past its leeway, where it was on the night before too."""
    since = seen.alarmed_since.get(column)
    return "" if since is None else f", as since {since}"


def _retrain_or_not(seen: Situation, spec: ProjectSpec, why: str, *, hurts: bool) -> tuple[Action, str]:
    allowed = may_retrain(seen, spec)
    if allowed.answer != "yes":
        return "hold", f"{why}; not retraining, {allowed.answer.removeprefix('no: ')}"
    if hurts and ask.worth_retraining(seen, spec).answer.startswith("no"):
        return "hold", f"{why}; not worth a retraining"
    return ("ask" if spec.automation.retrain == "ask" else "retrain"), why


def _kind(seen: Situation, action: Action, spec: ProjectSpec) -> DriftKind:
    if action == "quarantine":
        return "quality"
    if seen.suspicions or seen.open_suspicions:
        return "unclear"
    kind = ask.kind_of(seen)
    return "age" if kind == "none" and action == "retrain" and too_old(seen, spec) else kind
