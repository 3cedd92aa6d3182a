"""The questions of a night, one function each: the answer in words, with the numbers it rests on."""

from __future__ import annotations

from tasks.decide.situation import Situation
from tasks.records import (
    ChallengerInService,
    CorruptOrDrifted,
    DriftKind,
    EnoughRows,
    LocalError,
    Matters,
    Performance,
    Recovered,
    ServedAsBatch,
    ServedProof,
    SuspectedSource,
    Valid,
    WhichKind,
    WhoApproves,
    WorthRetraining,
)
from tasks.render.values import counted
from tasks.spec.project_spec import ProjectSpec

MANY = 5


def enough_rows(seen: Situation, spec: ProjectSpec) -> EnoughRows:
    """Answer question 0: are there enough rows to judge."""
    least = spec.monitoring.min_rows
    answer = f"no, fewer than {least} since the champion's training"
    if seen.window_rows >= least:
        answer = f"yes, {seen.window_rows} over {seen.window_days} days"
    if seen.overdue:
        answer = f"no, {seen.overdue}"
    return EnoughRows(answer, rows=seen.window_rows, window_days=seen.window_days, min_rows=least)


def valid(seen: Situation, _spec: ProjectSpec) -> Valid:
    """Answer question 1: did the deliveries keep their contract."""
    answer = "yes"
    if seen.quarantined:
        answer = f"no, quarantined whole: {', '.join(seen.quarantined)}"
    elif seen.refused_rows:
        answer = f"yes, but {counted(seen.refused_rows, 'row')} quarantined"
    return Valid(answer, quarantined_batches=seen.quarantined, refused_rows=seen.refused_rows)


def corrupt_or_drifted(seen: Situation, _spec: ProjectSpec) -> CorruptOrDrifted:
    """Answer question 2: does it look like a broken source, or like drift."""
    answer = "neither: every column is within its leeway"
    if seen.suspicions:
        answer = f"looks broken: {'; '.join(suspicion.sentence for suspicion in seen.suspicions[:MANY])}"
    elif seen.open_suspicions:
        answer = f"under suspicion: {', '.join(state.sentence for state in seen.open_suspicions[:MANY])}"
    elif seen.alarms:
        answer = f"drifted: {', '.join(dict.fromkeys(moved.column for moved in seen.alarms[:MANY]))}"
    return CorruptOrDrifted(
        answer,
        suspected=tuple(SuspectedSource(suspicion.kind, suspicion.columns) for suspicion in seen.suspicions[:MANY]),
        strains={moved.column: round(moved.strain, 3) for moved in seen.alarms[:MANY]},
        states=seen.suspected,
    )


def way_to_answer(seen: Situation) -> str:
    """Return how a person says what a suspicion is; a suspicion of rows as a whole is called `rows`.

    >>> from datetime import date
    >>> from tasks.records import SuspicionState
    >>> day = date(2026, 1, 1)
    >>> short, stuck = SuspicionState("truncated", (), day, day), SuspicionState("stuck", ("area",), day, day)
    >>> way_to_answer(Situation("p", day, suspected=(short,)))
    '`leeway answer p rows fault|drift`'
    >>> way_to_answer(Situation("p", day, suspected=(short, stuck)))
    '`leeway answer p rows|area fault|drift`'
    """
    names = dict.fromkeys(state.answered_as for state in seen.open_suspicions if state.unanswered)
    return f"`leeway answer {seen.project} {'|'.join(names) if 0 < len(names) <= MANY else 'COLUMN'} fault|drift`"


def matters(seen: Situation, _spec: ProjectSpec) -> Matters:
    """Answer question 3: is the champion worse for it."""
    return Matters(
        _what_matters(seen),
        weight_moved=round(seen.weight_moved, 4),
        performance=seen.performance,
        estimated=seen.estimated,
        slices=seen.worse,
    )


def _what_matters(seen: Situation) -> str:
    guess = ""
    if seen.estimated is not None and seen.estimated.trusted:
        loss, error = seen.estimated.loss, seen.estimated.error
        guess = f"; without labels {loss:.4g} ± {error:.2g} is expected of the newest rows"
    guess += "".join(f"; {local_error(worst)}" for worst in seen.local_errors[:1])
    if seen.performance is None:
        return f"not known yet: the champion has no matured cohort{guess}"
    if seen.performance.past_leeway:
        worst = "".join(f"; most where {error.where}" for error in seen.worse[:1] if error.strain > 1)
        return f"yes: {_hurt(seen.performance)}{worst}"
    return f"no: {_fine(seen.performance)}{guess}"


KINDS: dict[DriftKind, str] = {
    "none": "none",
    "covariate": "covariate: the rows have changed, and the predictions with them",
    "virtual": "harmless: the rows have changed, neither predictions nor errors have",
    "concept": "concept: quality fell, inputs did not change",
    "both": "both: the rows have changed, and the same predictions have become less accurate",
    "prior": "prior: labels have other proportions, the predictions for each label are as before",
    "slice": "local slice: one part of the rows has changed or is predicted worse, the rest is as before",
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


NOT_MEASURED = "covariate: the rows have changed; how the predictions have is not measured for several classes"


def which_kind(seen: Situation, spec: ProjectSpec) -> WhichKind:
    """Answer question 4: which kind of drift is it."""
    kind = kind_of(seen)
    words = NOT_MEASURED if kind == "covariate" and spec.training.task == "multiclass" else KINDS[kind]
    creeping = sorted({moved.column for moved in (*seen.alarms, *seen.surprises) if moved.creep and moved.strain > 1})
    how = f" (creeping: {', '.join(creeping)})" if creeping else ""
    where = f" ({'; '.join(seen.slices[:MANY])})" if kind == "slice" and seen.slices else ""
    return WhichKind(f"{words}{where}{how}", kind=kind, creeping=tuple(creeping), slices=seen.slices)


def local_error(error: LocalError) -> str:
    """Return where the error is past its leeway.

    >>> local_error(LocalError("plan", "plan is 'pro'", 90, 0.5, 0.25, 0.125, alone=True))
    "where plan is 'pro' the error is 0.5, past 0.25 + 0.125 (90 rows)"
    """
    limit = f"past {error.expected:.4g} + {error.leeway:.3g}"
    return f"where {error.where} the error is {error.loss:.4g}, {limit} ({error.rows} rows)"


def worth_retraining(seen: Situation, spec: ProjectSpec) -> WorthRetraining:
    """Answer question 5: is a retraining worth its cost over the next 30 days."""
    price, cost = spec.scope.loss_cost_per_row, spec.scope.training_cost
    if price is None or seen.performance is None:
        return WorthRetraining("assumed to be worth it: scope.loss_cost_per_row is not set", training_cost=cost)
    excess = max(0.0, seen.performance.loss.value - seen.performance.loss.expected)
    expected_loss = excess * seen.rows_in_30_days * price
    word = "yes" if expected_loss > cost else "no"
    return WorthRetraining(
        f"{word}: an expected loss of {expected_loss:,.0f} in 30 days, a cost of {cost:,.0f}",
        training_cost=cost,
        expected_loss=round(expected_loss, 2),
        rows_in_30_days=seen.rows_in_30_days,
    )


def who_approves(_seen: Situation, spec: ProjectSpec) -> WhoApproves:
    """Answer question 9: who approves the outcome."""
    if spec.automation.promote == "automatic":
        return WhoApproves("a clear win is promoted by itself (automation.promote: automatic)")
    names = ", ".join(spec.automation.approvers) or spec.scope.owner
    return WhoApproves(f"a person: {names}")


def recovered(seen: Situation, spec: ProjectSpec) -> Recovered | None:
    """Answer question 10: does the released model keep the promise of its gate; None once that was answered."""
    found = seen.released
    if found is None:
        return None
    answer = f"version {found.version}: {found.sentence}"
    if found.verdict == "too_early":
        few = f"{found.numbers.get('rows', 0)} of {spec.gate.min_rows}"
        answer = f"too early: {few} rows of version {found.version} have matured"
    elif not_recovered(seen):
        answer = f"no, {answer}; {way_back(seen)}"
    else:
        answer = f"{'not known' if found.verdict == 'unknown' else 'yes'}, {answer}"
    return Recovered(answer, version=found.version, verdict=found.verdict, **found.numbers)


def not_recovered(seen: Situation) -> bool:
    """Whether the released model surely does worse than it promised."""
    return seen.released is not None and seen.released.verdict == "worse"


def way_back(seen: Situation) -> str:
    """Return what can be done about a released model that does worse than promised.

    >>> from datetime import date
    >>> from tasks.decide.situation import ReleaseOutcome
    >>> way_back(Situation("p", date(2026, 1, 1), released=ReleaseOutcome(2, "worse", "", back_to=1)))
    '`leeway rollback p` brings version 1 back'
    """
    to = seen.released.back_to if seen.released else None
    if to is None:
        return f"there is no earlier version to go back to: look at it, then `leeway run retrain {seen.project}`"
    return f"`leeway rollback {seen.project}` brings version {to} back"


def challenger_in_service(seen: Situation, _spec: ProjectSpec) -> ChallengerInService | None:
    """Return how the version that waits for approval compares with the champion; None where it is not in service."""
    found = seen.shadowed
    if found is None:
        return None
    answer = f"version {found.version}: {found.sentence}"
    return ChallengerInService(answer, version=found.version, **found.numbers)


def _hurt(found: Performance) -> str:
    long = found.sustained
    if found.bias_past_leeway:
        since = f", {long.bias.value:+.3g} since training" if long and not found.bias.grew_past_leeway else ""
        return (
            f"bias {found.bias.value:+.3g}{since} is past {found.bias.expected:+.3g} ± {found.bias.leeway:.3g}; "
            f"error {found.loss.value:.4g}"
        )
    since = f", {long.loss.value:.4g} since training" if long and not found.loss.rose_past_leeway else ""
    return f"error {found.loss.value:.4g}{since} is past {found.loss.expected:.4g} + {found.loss.leeway:.4g}"


def _fine(found: Performance) -> str:
    loss, bias = found.loss, found.bias
    return f"error {loss.value:.4g} (promised {loss.expected:.4g}), bias {bias.value:+.3g}, {_how_sure(found)}"


NO_HARM = "no harm seen"


def how_sure(seen: Situation) -> str:
    """Return whether the leeway covers the error, or only chance explains it; without labels nothing is past it."""
    return "within leeway" if seen.performance is None else _how_sure(seen.performance)


def harm_so_far(seen: Situation, spec: ProjectSpec) -> str:
    """Return that no harm was seen, and until when labels are known where the newest rows have none yet.

    >>> from datetime import date
    >>> from types import SimpleNamespace as Part
    >>> spec = Part(source=Part(label=Part(delay_days=7)))
    >>> harm_so_far(Situation("p", date(2026, 1, 9)), spec)
    'no harm seen yet; no labels so far'
    """
    if not spec.source.label.delay_days:
        return NO_HARM
    known = "no labels so far" if seen.performance is None else f"labels until {seen.performance.end}"
    return f"{NO_HARM} yet; {known}"


def _how_sure(found: Performance) -> str:
    if found.within_leeway:
        return "within leeway"
    return "past its leeway, but chance may still explain it"


def served_as_batch(seen: Situation, _spec: ProjectSpec) -> ServedAsBatch | None:
    """Return whether the prediction service has answered as the batch does; None where it logged nothing."""
    proof = seen.served
    if proof is None:
        return None
    if proof.differing:
        answer = f"no: {skew(proof)}"
    elif proof.rows or not proof.unproven:
        answer = f"yes: {counted(proof.rows, 'row')}, bit for bit" if proof.rows else "yes: no other row than before"
    else:
        answer = "not known"
    if proof.unproven:
        answer += f"; {counted(proof.unproven, 'row')} could not be scored again: {proof.why}"
    return ServedAsBatch(answer, proof=proof)


def skew(proof: ServedProof, *, named: bool = True) -> str:
    """Return how many answers differ, and the first step at which the first row does; with its id, or without.

    >>> from tasks.records import SkewedRow
    >>> skew(ServedProof(120, 3, (SkewedRow("7", 2, "inputs"),)))
    '3 of 120 rows differ, row 7 of version 2 from its inputs on'
    >>> skew(ServedProof(120, 3, (SkewedRow("7", 2, "inputs"),)), named=False)
    '3 of 120 rows differ, the first of version 2 from its inputs on'
    """
    first = "".join(
        f", {f'row {row.row_id}' if named else 'the first'} of version {row.version} from its {row.step} on"
        for row in proof.skewed[:1]
    )
    return f"{proof.differing} of {counted(proof.rows, 'row')} differ{first}"
