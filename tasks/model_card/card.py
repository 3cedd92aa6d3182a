"""The card an approver reads in the MLflow UI: what is asked and how to answer, why now, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tasks.model_card.card_evidence import count, evidence_section
from tasks.model_card.card_tables import groups_section, metrics_section, table_lines
from tasks.model_card.findings import (
    consent_line,
    deferral_line,
    human_line,
    interval_line,
    label_line,
    learning_line,
    model_line,
    shown_value,
    weak_lines,
)
from tasks.model_card.version_summary import Details, Request
from tasks.registry.versions import TEXT_CHARACTERS
from tasks.render.safe_text import Markdown, markdown
from tasks.render.values import number
from tasks.spec.project_spec import ProjectSpec

BY_HAND = "by hand"
TO_ANSWER = "To answer, add the tag"
SLICES = 8
WEAK = 5
REASONS, FEWER_REASONS = 10, 6  # fewer where the card has no room
METRICS, FEWER_METRICS = 10, 3
KINDS = {
    "covariate": "the inputs changed, and so may have the predictions",
    "virtual": "the inputs changed, without harm to the predictions",
    "concept": "the same inputs lead to other labels, so predictions are less accurate",
    "both": "inputs changed and lead to other labels, so predictions are less accurate",
    "prior": "labels have other proportions than before",
    "slice": "predictions are less accurate for one part of the rows",
    "age": "the champion is old",
    "none": "none detected",
}
"""The kinds of drift, for a person who approves one model a month."""


def model_card(evidence: Mapping[str, Any], request: Request, details: Details | None = None) -> str:
    """Return the card, markdown of at most 5,000 characters.

    Parameters
    ----------
    evidence : mapping
        As the gate wrote it; the champion's numbers may be None when there is no champion. `difference` is the
        challenger's loss minus the champion's (without a champion, the baseline's), so below zero is better.
    request : Request
        What the challenger was trained for.
    details : Details, optional
        Where its errors are, what would help, which kind of model it is, and links.

    Returns
    -------
    str
        Text of others (reasons, owner, column values) is shown literally, categories of few rows not at all. A card
        that would be too long lists fewer slices; the ones with the worst change stay.
    """
    slices = sorted(evidence.get("slices") or [], key=_change, reverse=True)
    card = ""
    sizes = [(shown, REASONS, METRICS) for shown in range(max(WEAK, min(SLICES, len(slices))), -1, -1)]
    for shown, checks, metrics in [*sizes, (0, FEWER_REASONS, FEWER_METRICS), (0, FEWER_REASONS, 0)]:
        most = _Most(slices[:shown], len(slices), min(WEAK, shown), checks, metrics)
        card = _card(evidence, request, details or Details(), most)
        if len(card) <= TEXT_CHARACTERS:
            break
    return card


def answered(card: str, outcome: str) -> str:
    r"""Return a card after its question was answered: the outcome replaces the question and how to answer it.

    >>> answered("**May it?** Champion now: version 1.\n\nWhy.", "version 2 is champion after version 1: approved")
    'version 2 is champion after version 1&#58; approved\n\nWhy.'
    """
    _asked, _, rest = card.partition("\n\n")
    how, _, after = rest.partition("\n\n")
    rest = after if how.startswith(TO_ANSWER) else rest
    return f"{markdown(outcome, 300)}\n\n{rest}"[:TEXT_CHARACTERS] if rest else card


class _Most(NamedTuple):
    """What a card shows: slices and of how many, and the most weak slices, checks and metrics."""

    slices: Sequence[Mapping[str, Any]]
    of: int
    weak: int
    checks: int
    metrics: int


def _card(evidence: Mapping[str, Any], request: Request, details: Details, most: _Most) -> str:
    parts = [
        _asking(request),
        _why(request, details),
        evidence_section(evidence, request),
        metrics_section(evidence, most.metrics),
        groups_section(evidence, most.metrics),
        _slices(most.slices, most.of, request.spec),
        _checks(evidence, most.checks),
        _errors(details, request.spec, most.weak),
        _model(details, request),
        _limits(request),
        _afterwards(request.spec.project),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asking(request: Request) -> str:
    scope, gate = request.spec.scope, request.spec.gate
    named = markdown(", ".join(request.spec.automation.approvers), 160)
    approvers = f"{named}. Owner: {markdown(scope.owner, 100)}" if named else f"the owner, {markdown(scope.owner, 100)}"
    replaced = (
        "There is no champion yet." if request.champion is None else f"The champion is version {request.champion} now."
    )
    return (
        f"**May this version become champion of {markdown(request.spec.project, 63)}?** {replaced}\n\n"
        f"{TO_ANSWER} `approval` with the value `approved` or `rejected` under Tags below (and the tag "
        f"`approval.by` with your name). Or run `leeway approve {request.spec.project}`. Leeway then checks the "
        "evidence and the signature again and moves the alias `champion`. Do not change aliases yourself. "
        f"The evidence is valid for {gate.evidence_days} days.\n\n"
        f"Approvers: {approvers}. Objective: {markdown(scope.objective, 200)}"
    )


def _why(request: Request, details: Details) -> str:
    decision = _linked(markdown(request.decision, 100), details.links.get("decision"))
    if request.kind == BY_HAND:
        why = "" if request.reason == BY_HAND else f" Reason: {markdown(request.reason, 480)}"
        return f"### Why now\n\nA person started this training ({decision}).{why}"
    kind = markdown(KINDS.get(request.kind, request.kind), 80)
    return f"### Why now\n\nDecision {decision}. Drift: {kind}. Reason: {markdown(request.reason, 480)}"


def _slices(slices: Sequence[Mapping[str, Any]], of: int, spec: ProjectSpec) -> str:
    if not slices:
        return ""
    rows = [("slice", "rows", "challenger", "champion", "change")]
    rows += [
        (
            Markdown(f"{markdown(part.get('column', ''), 40)} = {_value(part, spec)}"),
            count(part.get("rows")),
            number(part.get("challenger_loss")),
            number(part.get("champion_loss")),
            Markdown(f"{_change(part):+.1%}{' **above the limit**' if part.get('refused') else ''}"),
        )
        for part in slices
    ]
    return f"### Slices ({len(slices)} of {of}, worst change first)\n\n" + "\n".join(table_lines(rows))


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
    lines = [line(details) for line in (human_line, learning_line, label_line, consent_line) if line(details)]
    if not weak and not lines:
        return ""
    first = (
        "Slices with significantly larger errors than the other rows:\n\n"
        if weak
        else "No slice has significantly larger errors than the other rows."
    )
    plots = _linked("plots", details.links.get("plots")) if details.links.get("plots") else "plots.html"
    more = " ".join([*lines, f"Residuals, calibration, learning curve and importances: {plots}."])
    return "### Where the errors are\n\n" + first + "\n".join(weak) + f"\n\n{more}"


def _model(details: Details, request: Request) -> str:
    model = model_line(details)
    if not model:
        return ""
    interval = interval_line(details, request.spec)
    return f"### Model\n\n{model} {deferral_line(details, request.spec)}" + (f" {interval}" if interval else "")


def _limits(request: Request) -> str:
    return (
        f"### Limits\n\nTrained with the recipe {markdown(request.recipe, 80)} on rows from {request.trained_from} to "
        f"{request.trained_until}: the recipe that was evaluated, refitted on all labelled rows. The numbers do not "
        "hold for rows unlike these, or after a sudden change. Slices that are not listed were not compared. All files "
        "are in the source run above."
    )


def _afterwards(project: str) -> str:
    return (
        f"### After a promotion\n\nTo undo it, run `leeway rollback {project}`: the previous version serves again, and "
        "this version cannot be promoted again."
    )


def _linked(text: str, address: str | None) -> str:
    """Return a link around a text that is markdown already."""
    return f"[{text}]({address})" if address else text


def _change(part: Mapping[str, Any]) -> float:
    """Return the slice's relative change of loss: above zero is worse, an unknown change counts as 0."""
    change = part.get("change")
    return float(change) if isinstance(change, int | float) else 0.0
