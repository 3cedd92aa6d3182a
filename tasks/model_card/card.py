"""The card an approver reads in the MLflow UI: what, why now, the proof, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.model_card.findings import (
    deferral_line,
    human_line,
    label_line,
    learning_line,
    model_line,
    shown_value,
    weak_lines,
)
from tasks.model_card.version_summary import Details, Request
from tasks.registry.versions import TEXT_CHARACTERS
from tasks.render.safe_text import markdown
from tasks.render.values import number
from tasks.spec.project_spec import ProjectSpec

SPACE = "\N{NO-BREAK SPACE}" * 3
BY_HAND = "by hand"
TO_ANSWER = "To answer, add the tag"
SLICES = 8
WEAK = 5
REASONS, FEWER_REASONS = 10, 6  # fewer where the card has no room
KINDS = {
    "covariate": "the rows moved, and the answers with them",
    "virtual": "the rows moved, harmlessly",
    "concept": "the same answers have become less right",
    "both": "the rows moved, and the same answers have become less right",
    "prior": "labels come in other proportions",
    "slice": "the answers are off for one part of the rows",
    "age": "the champion had become old",
    "none": "none seen",
}
"""The kinds of drift, for somebody who approves one model a month."""


def model_card(evidence: Mapping[str, Any], request: Request, details: Details | None = None) -> str:
    """Return the card, markdown of at most 5,000 characters.

    Parameters
    ----------
    evidence : mapping
        As the gate wrote it; what belongs to the champion may be None when there is none. `difference` is the
        challenger's loss minus the champion's (without one, the trivial rule's), so below zero is better.
    request : Request
        What the challenger was made for.
    details : Details, optional
        Where it errs, what would help, what kind of model it is, and where to read on.

    Returns
    -------
    str
        Text of others (reasons, owner, column values) is shown literally, categories of few rows not at all. Where the
        card would be too long, slices are left out, those that did worst last.
    """
    slices = sorted(evidence.get("slices") or [], key=_change, reverse=True)
    card = ""
    sizes = [(shown, REASONS) for shown in range(max(WEAK, min(SLICES, len(slices))), -1, -1)]
    for shown, checks in [*sizes, (0, FEWER_REASONS)]:
        card = _card(evidence, request, details or Details(), (slices[:shown], len(slices), min(WEAK, shown), checks))
        if len(card) <= TEXT_CHARACTERS:
            break
    return card


def answered(card: str, said: str) -> str:
    r"""Return a card once its question has been answered: what became of the version stands where it asked, and how.

    >>> answered("**May it?** Champion now: version 1.\n\nWhy.", "version 2 is champion after version 1: approved")
    'version 2 is champion after version 1&#58; approved\n\nWhy.'
    """
    _asked, _, rest = card.partition("\n\n")
    how, _, after = rest.partition("\n\n")
    rest = after if how.startswith(TO_ANSWER) else rest
    return f"{markdown(said, 300)}\n\n{rest}"[:TEXT_CHARACTERS] if rest else card


def _card(
    evidence: Mapping[str, Any],
    request: Request,
    details: Details,
    shown: tuple[Sequence[Mapping[str, Any]], int, int, int],
) -> str:
    slices, of, weak, checks = shown
    parts = [
        _asking(request),
        _why(request, details),
        _proof(evidence, request),
        _slices(slices, of, request.spec),
        _checks(evidence, checks),
        _errors(details, request.spec, weak),
        _model(details, request),
        _limits(request),
        _afterwards(request.spec.project),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asking(request: Request) -> str:
    scope, gate = request.spec.scope, request.spec.gate
    named = markdown(", ".join(request.spec.automation.approvers), 160)
    asked = f"{named}. Owner: {markdown(scope.owner, 100)}" if named else f"the owner, {markdown(scope.owner, 100)}"
    replaced = "There is no champion yet." if request.champion is None else f"Champion now: version {request.champion}."
    return (
        f"**May this version become champion of {markdown(request.spec.project, 63)}?** {replaced}\n\n"
        f"{TO_ANSWER} `approval` under Tags below, with the value `approved` or `rejected` (and "
        f"`approval.by` with your name); or run `leeway approve {request.spec.project}`. Leeway then checks "
        "evidence and signature again and moves the alias `champion` by itself; please leave aliases alone. "
        f"The evidence counts for {gate.evidence_days} days.\n\n"
        f"Asked: {asked}. Objective: {markdown(scope.objective, 200)}"
    )


def _why(request: Request, details: Details) -> str:
    decision = _linked(markdown(request.decision, 100), details.links.get("decision"))
    if request.kind == BY_HAND:
        why = "" if request.reason == BY_HAND else f" Reason: {markdown(request.reason, 480)}"
        return f"### Why now\n\nA person started the training ({decision}).{why}"
    kind = markdown(KINDS.get(request.kind, request.kind), 80)
    return f"### Why now\n\nDecision {decision}. Drift: {kind}. Reason: {markdown(request.reason, 480)}"


def _proof(evidence: Mapping[str, Any], request: Request) -> str:
    metric, target = request.spec.scope.metric.replace("_", " "), request.spec.scope.target
    sure, surer = f"{100 * request.spec.gate.confidence:g} %", _confidence(evidence, request)
    biases = [number(evidence.get(f"{who}_bias")) for who in ("challenger", "champion")]
    rows = [
        ("", "challenger", "champion", "trivial rule"),
        (metric, *(number(evidence.get(f"{who}_loss")) for who in ("challenger", "champion", "baseline"))),
        (f"{sure} interval", _interval(evidence, "challenger"), "", ""),
        (_bias(request.spec), *biases, ""),
    ]
    lines = [f"### Proof\n\n{_ground(evidence)} Lower is better.\n", *_table(rows)]
    if evidence.get("difference") is not None:
        rival = "trivial rule" if evidence.get("champion_loss") is None else "champion"
        lines.append(
            f"Challenger minus {rival}: **{number(evidence['difference'])}** ({surer} interval "
            f"{_interval(evidence, 'difference')}); below zero the challenger is better.{_used(evidence)}"
        )
    if target is not None:
        lines.append(f"The project calls {number(target)} a success: {_reached(evidence, target)}.")
    return "\n".join(lines).rstrip()


def _bias(spec: ProjectSpec) -> str:
    several = spec.training.task == "multiclass"
    return "bias (share right minus mean confidence)" if several else "bias (truth minus prediction)"


def _reached(evidence: Mapping[str, Any], target: float) -> str:
    """Return whether the challenger's loss is a success.

    >>> _reached({"challenger_loss": 0.13}, 0.15), _reached({}, 0.15)
    ('reached', 'unknown')
    """
    loss = evidence.get("challenger_loss")
    return "unknown" if not isinstance(loss, int | float) else "reached" if loss <= target else "not reached"


def _ground(evidence: Mapping[str, Any]) -> str:
    return (
        f"All on the same {_count(evidence.get('rows'))} rows from {markdown(evidence.get('start') or 'n/a', 20)} to "
        f"{markdown(evidence.get('end') or 'n/a', 20)}, newer than what either model learned from."
    )


def _slices(slices: Sequence[Mapping[str, Any]], of: int, spec: ProjectSpec) -> str:
    if not slices:
        return ""
    rows = [("slice", "rows", "challenger", "champion", "change")]
    rows += [
        (
            f"{markdown(part.get('column', ''), 40)} = {_value(part, spec)}",
            _count(part.get("rows")),
            number(part.get("challenger_loss")),
            number(part.get("champion_loss")),
            f"{_change(part):+.1%}{' **too much**' if part.get('refused') else ''}",
        )
        for part in slices
    ]
    return f"### Slices ({len(slices)} of {of}, worst change first)\n\n" + "\n".join(_table(rows))


def _value(part: Mapping[str, Any], spec: ProjectSpec) -> str:
    return shown_value(str(part.get("column", "")), part, part.get("value", ""), spec)


def _checks(evidence: Mapping[str, Any], most: int) -> str:
    verdict = markdown(str(evidence.get("verdict", "unknown")).replace("_", " "), 40)
    outcome = "passed" if evidence.get("passed") is True else "**did not pass**"
    reasons = list(evidence.get("reasons") or [])
    lines = [
        f"### Checks\n\nThe gate {outcome}: {verdict}.\n",
        *(f"- {markdown(reason, 140)}" for reason in reasons[:most]),
    ]
    if len(reasons) > most:
        lines.append(f"- and {len(reasons) - most} more in evidence.json of the source run")
    return "\n".join(lines)


def _errors(details: Details, spec: ProjectSpec, most: int) -> str:
    weak = weak_lines(details, spec, most)
    lines = [line for line in (human_line(details), learning_line(details), label_line(details)) if line]
    if not weak and not lines:
        return ""
    first = (
        "Predicted worse than the rest, beyond chance:\n\n"
        if weak
        else "No slice was found that is worse beyond chance."
    )
    plots = _linked("plots", details.links.get("plots")) if details.links.get("plots") else "plots.html"
    said = " ".join([*lines, f"Residuals, calibration, learning curve and importances: {plots}."])
    return "### Where it errs\n\n" + first + "\n".join(weak) + f"\n\n{said}"


def _model(details: Details, request: Request) -> str:
    said = model_line(details)
    return f"### Model\n\n{said} {deferral_line(details, request.spec)}" if said else ""


def _limits(request: Request) -> str:
    return (
        f"### Limits\n\nTrained by {markdown(request.recipe, 80)} on rows from {request.trained_from} to "
        f"{request.trained_until}: the proven recipe, refitted on everything known. The numbers promise nothing for "
        "rows unlike those, nor for after a shock; slices that are not named were not compared. All files are at "
        "the source run above."
    )


def _afterwards(project: str) -> str:
    return (
        f"### Afterwards\n\nTo go back: `leeway rollback {project}`; the version before serves again and this one is "
        "barred."
    )


def _linked(text: str, address: str | None) -> str:
    """Return a link of ours around a text that is already plain."""
    return f"[{text}]({address})" if address else text


def _confidence(evidence: Mapping[str, Any], request: Request) -> str:
    """Return the confidence that was used: the spec's, raised where these rows had decided before."""
    found = evidence.get("confidence")
    used = found if isinstance(found, int | float) else request.spec.gate.confidence
    return f"{100 * used:.4g} %"


def _used(evidence: Mapping[str, Any]) -> str:
    uses = evidence.get("uses")
    if not isinstance(uses, int) or not uses:
        return ""
    times = "once" if uses == 1 else f"{uses} times"
    return f" These rows were used {times} before, so more was asked for."


def _change(part: Mapping[str, Any]) -> float:
    """Return the slice's relative change of loss, above zero is worse; what is not known counts as none."""
    change = part.get("change")
    return float(change) if isinstance(change, int | float) else 0.0


def _interval(evidence: Mapping[str, Any], what: str) -> str:
    low, high = evidence.get(f"{what}_low"), evidence.get(f"{what}_high")
    return "n/a" if low is None or high is None else f"{number(low)} to {number(high)}"


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table's lines; MLflow's page gives tables no space at all, so cells and the end bring their own.

    The space does not break: on a narrow screen it would stand in a line of its own.
    """
    head, *body = (f"| {f'{SPACE}| '.join(cells)} |" for cells in rows)
    return [head, f"|{' --- |' * len(rows[0])}", *body, "", "&nbsp;", ""]
