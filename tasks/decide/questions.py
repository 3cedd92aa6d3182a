"""The questions of a night, one function each: the answer in words, with the numbers it rests on."""

from __future__ import annotations

from tasks.decide.root_cause import untrusted
from tasks.decide.situation import Situation
from tasks.records import Answer, Bounded, DriftKind, LocalError, Performance
from tasks.spec.project_spec import ProjectSpec

MANY = 5


def enough_rows(seen: Situation, spec: ProjectSpec) -> Answer:
    """Answer question 0: are there enough rows to judge."""
    numbers = {"rows": seen.window_rows, "window_days": seen.window_days, "min_rows": spec.monitoring.min_rows}
    if seen.window_rows >= spec.monitoring.min_rows:
        return Answer("enough rows?", f"yes, {seen.window_rows} over {seen.window_days} days", numbers)
    return Answer("enough rows?", f"no, fewer than {spec.monitoring.min_rows} since the champion's training", numbers)


def valid(seen: Situation, _spec: ProjectSpec) -> Answer:
    """Answer question 1: did what landed keep its contract."""
    numbers = {"quarantined_batches": list(seen.quarantined), "refused_rows": seen.refused_rows}
    if seen.quarantined:
        return Answer("valid?", f"no, quarantined whole: {', '.join(seen.quarantined)}", numbers)
    if seen.refused_rows:
        return Answer("valid?", f"yes, but {seen.refused_rows} rows were set aside", numbers)
    return Answer("valid?", "yes", numbers)


def corrupt_or_drifted(seen: Situation, _spec: ProjectSpec) -> Answer:
    """Answer question 2: does a movement look like a broken source."""
    suspected = [{"kind": each.kind, "columns": list(each.columns)} for each in seen.suspicions[:MANY]]
    numbers = {"suspected": suspected, "strains": {m.column: round(m.strain, 3) for m in seen.alarms[:MANY]}}
    if seen.suspicions:
        said = "; ".join(each.sentence for each in seen.suspicions[:MANY])
        return Answer("corrupt or drifted?", f"looks broken: {said}", numbers)
    if seen.alarms:
        names = ", ".join(dict.fromkeys(moved.column for moved in seen.alarms[:MANY]))
        return Answer("corrupt or drifted?", f"drifted: {names}", numbers)
    return Answer("corrupt or drifted?", "neither: every column is within its leeway", numbers)


def matters(seen: Situation, _spec: ProjectSpec) -> Answer:
    """Answer question 3: does it hurt."""
    seen_error = seen.performance
    numbers: dict[str, object] = {"weight_moved": round(seen.weight_moved, 4)}
    guess = ""
    if seen.estimated is not None:
        estimated = seen.estimated
        numbers |= {"estimated_loss": round(estimated.loss, 6), "estimated_loss_error": round(estimated.error, 6)}
        numbers |= {"estimate_trusted": estimated.trusted}
        if estimated.trusted:
            guess = f"; without labels {estimated.loss:.4g} ± {estimated.error:.2g} is expected of the newest rows"
    guess += "".join(f"; {local_error(each)}" for each in seen.local_errors[:1])
    numbers |= {"slices": [_local_numbers(each) for each in seen.worse if each.strain > 1]} if seen.worse else {}
    if seen_error is None:
        return Answer("does it matter?", f"cannot be told yet: no matured cohort of the champion{guess}", numbers)
    numbers |= _numbers(seen_error)
    if seen_error.past_leeway:
        worst = "".join(f"; most where {each.where}" for each in seen.worse[:1] if each.strain > 1)
        return Answer("does it matter?", f"yes: {_hurt(seen_error)}{worst}", numbers)
    return Answer("does it matter?", f"no: {_fine(seen_error)}{guess}", numbers)


KINDS: dict[DriftKind, str] = {
    "none": "none",
    "covariate": "covariate: the rows moved, and the answers with them",
    "virtual": "harmless: the rows moved, neither answers nor errors did",
    "concept": "concept: the same answers have become less right, the rows stand still",
    "both": "both: the rows moved, and the same answers have become less right",
    "prior": "prior: labels come in other proportions, rows of one label are answered as before",
    "slice": "local slice: one part of the rows moved or is answered worse, the rest is as before",
    "quality": "quality: it looks broken",
    "unclear": "unclear",
    "age": "age",
}


def kind_of(seen: Situation) -> DriftKind:
    """Return the kind of drift; an error past its leeway is concept drift, unless labels say something narrower."""
    hurts = seen.performance is not None and seen.performance.past_leeway
    if hurts and seen.kind in {"none", "covariate", "virtual"}:
        return "both" if seen.alarms else "concept"
    return seen.kind


def which_kind(seen: Situation, _spec: ProjectSpec) -> Answer:
    """Answer question 4: which kind of drift is it."""
    kind = kind_of(seen)
    creeping = sorted({moved.column for moved in (*seen.alarms, *seen.surprises) if moved.creep and moved.strain > 1})
    how = f" (creeping: {', '.join(creeping)})" if creeping else ""
    where = f" ({'; '.join(seen.slices[:MANY])})" if kind == "slice" and seen.slices else ""
    numbers = {"kind": kind, "creeping": creeping, "slices": list(seen.slices)}
    return Answer("which kind?", f"{KINDS[kind]}{where}{how}", numbers)


def local_error(found: LocalError) -> str:
    """Say where the error is past its leeway.

    >>> local_error(LocalError("plan", "plan is 'pro'", 90, 0.5, 0.25, 0.125, alone=True))
    "where plan is 'pro' the error is 0.5, past 0.25 + 0.125 (90 rows)"
    """
    limit = f"past {found.expected:.4g} + {found.leeway:.3g}"
    return f"where {found.where} the error is {found.loss:.4g}, {limit} ({found.rows} rows)"


def _local_numbers(found: LocalError) -> dict[str, object]:
    numbers = {"loss": round(found.loss, 6), "expected": round(found.expected, 6), "leeway": round(found.leeway, 6)}
    return {"slice": found.where, "rows": found.rows, **numbers, "alone": found.alone}


def worth_it(seen: Situation, spec: ProjectSpec) -> Answer:
    """Answer question 5: is a retraining worth its cost over the next 30 days."""
    price, cost = spec.scope.loss_cost_per_row, spec.scope.training_cost
    if price is None or seen.performance is None:
        return Answer(
            "worth retraining?", "taken as worth it: scope.loss_cost_per_row is not set", {"training_cost": cost}
        )
    excess = max(0.0, seen.performance.loss.value - seen.performance.loss.expected)
    expected_loss = excess * seen.rows_in_30_days * price
    numbers = {"expected_loss": round(expected_loss, 2), "training_cost": cost, "rows_in_30_days": seen.rows_in_30_days}
    word = "yes" if expected_loss > cost else "no"
    return Answer(
        "worth retraining?", f"{word}: {expected_loss:,.0f} lost in 30 days against a cost of {cost:,.0f}", numbers
    )


def may_it(seen: Situation, spec: ProjectSpec) -> Answer:
    """Answer question 6: is a retraining allowed tonight."""
    policy, held = spec.monitoring, untrusted(seen)
    since = None if seen.last_retraining is None else (seen.night - seen.last_retraining).days
    since_refused = None if seen.last_refused is None else (seen.night - seen.last_refused).days
    obstacles = [
        (seen.under_way is not None, f"the retraining of {seen.under_way} is still under way"),
        (seen.waiting is not None, f"version {seen.waiting} waits for approval"),
        (
            since is not None and since < policy.cooldown_days,
            f"cooldown: {since} of {policy.cooldown_days} days since the last",
        ),
        (
            since_refused is not None and since_refused < policy.backoff_days,
            f"back-off: the gate refused a challenger {since_refused} of {policy.backoff_days} days ago",
        ),
        (
            seen.retrainings_in_30_days >= policy.retrainings_per_month,
            f"budget: {seen.retrainings_in_30_days} of {policy.retrainings_per_month} in 30 days",
        ),
        (bool(held), f"upstream of it {', '.join(held)} is not trusted: something is set aside, or a person is asked"),
        (seen.fresh_rows < spec.gate.min_rows, f"only {seen.fresh_rows} of {spec.gate.min_rows} new labelled rows"),
    ]
    found = [text for is_so, text in obstacles if is_so]
    numbers = {
        "days_since_retraining": since,
        "retrainings_in_30_days": seen.retrainings_in_30_days,
        "fresh_rows": seen.fresh_rows,
    }
    return Answer("may it retrain?", f"no: {'; '.join(found)}" if found else "yes", numbers | {"obstacles": found})


def who_says_yes(_seen: Situation, spec: ProjectSpec) -> Answer:
    """Answer question 9: who approves the outcome."""
    if spec.automation.promote == "automatic":
        return Answer("who says yes?", "a clear win is promoted by itself (automation.promote: automatic)")
    names = ", ".join(spec.automation.approvers) or spec.scope.owner
    return Answer("who says yes?", f"a person: {names}")


def recovered(seen: Situation, spec: ProjectSpec) -> Answer | None:
    """Answer question 10: does what was released do in service what the gate promised; None once it was answered."""
    found = seen.released
    if found is None:
        return None
    numbers = {"version": found.version, "verdict": found.verdict, **found.numbers}
    if found.verdict == "too_early":
        few = f"{found.numbers.get('rows', 0)} of {spec.gate.min_rows}"
        return Answer("did it recover?", f"too early: {few} rows of version {found.version} have matured", numbers)
    said = f"version {found.version}: {found.sentence}"
    if not_recovered(seen):
        return Answer("did it recover?", f"no, {said}; {way_back(seen)}", numbers)
    word = "cannot be told" if found.verdict == "unknown" else "yes"
    return Answer("did it recover?", f"{word}, {said}", numbers)


def not_recovered(seen: Situation) -> bool:
    """Whether what was released does surely worse than the gate promised."""
    return seen.released is not None and seen.released.verdict == "worse"


def way_back(seen: Situation) -> str:
    """Say what can be done about a release that does worse than promised.

    >>> from datetime import date
    >>> from tasks.decide.situation import ReleaseOutcome
    >>> way_back(Situation("p", date(2026, 1, 1), released=ReleaseOutcome(2, "worse", "", back_to=1)))
    '`leeway rollback p` brings version 1 back'
    """
    to = seen.released.back_to if seen.released else None
    if to is None:
        return f"there is no version before it to go back to: look at it, then `leeway run retrain {seen.project}`"
    return f"`leeway rollback {seen.project}` brings version {to} back"


def the_challenger(seen: Situation, _spec: ProjectSpec) -> Answer | None:
    """Tell how the version that waits for approval does beside the champion; None where it does not answer."""
    found = seen.shadowed
    if found is None:
        return None
    said = f"version {found.version}: {found.sentence}"
    return Answer("how does the challenger do?", said, {"version": found.version, **found.numbers})


def too_old(seen: Situation, spec: ProjectSpec) -> bool:
    """Whether the champion is past the age the policy allows."""
    limit = spec.monitoring.max_model_age_days
    return limit is not None and seen.champion_age_days is not None and seen.champion_age_days > limit


def _hurt(found: Performance) -> str:
    long = found.sustained
    if found.bias_past_leeway:
        since = f", {long.bias.value:+.3g} since training" if long and not found.bias.past_leeway else ""
        return (
            f"bias {found.bias.value:+.3g}{since} is past {found.bias.expected:+.3g} ± {found.bias.leeway:.3g}; "
            f"error {found.loss.value:.4g}"
        )
    since = f", {long.loss.value:.4g} since training" if long and not found.loss.past_leeway else ""
    return f"error {found.loss.value:.4g}{since} is past {found.loss.expected:.4g} + {found.loss.leeway:.4g}"


def _fine(found: Performance) -> str:
    loss, bias = found.loss, found.bias
    return f"error {loss.value:.4g} (promised {loss.expected:.4g}), bias {bias.value:+.3g}, within leeway"


def _numbers(found: Performance) -> dict[str, object]:
    numbers: dict[str, object] = {
        "cohort": [found.start.isoformat(), found.end.isoformat()],
        "rows": found.rows,
        **_measured(found.loss, found.bias),
        "strain": round(found.strain, 4),
    }
    long = found.sustained
    if long is not None:
        numbers["since_training"] = {"rows": long.rows, **_measured(long.loss, long.bias)}
    return numbers


def _measured(loss: Bounded, bias: Bounded) -> dict[str, object]:
    numbers: dict[str, object] = {}
    for name, found in (("loss", loss), ("bias", bias)):
        numbers[name] = round(found.value, 6)
        for part in ("low", "high", "expected", "leeway"):
            numbers[f"{name}_{part}"] = round(getattr(found, part), 6)
    return numbers
