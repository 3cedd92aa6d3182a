"""The card an approver reads in the MLflow UI: what, why now, the proof, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.register.facts import Request
from tasks.register.plain import number, plain
from tasks.registry.versions import TEXT_CHARACTERS

SLICES = 8
REASONS = 8


def model_card(evidence: Mapping[str, Any], request: Request) -> str:
    """Return the card, markdown of at most 5,000 characters.

    Parameters
    ----------
    evidence : mapping
        As the gate wrote it; what belongs to the champion may be None when there is none. `difference` is the
        challenger's loss minus the champion's (without one, the trivial rule's), so below zero is better.
    request : Request
        What the challenger was made for.

    Returns
    -------
    str
        Text of others (reasons, owner, column values) is shown literally. Where the card would be too long, slices are
        left out, those that did worst last.
    """
    slices = sorted(evidence.get("slices") or [], key=_change, reverse=True)
    card = ""
    for shown in range(min(SLICES, len(slices)), -1, -1):
        card = _card(evidence, request, slices[:shown], len(slices))
        if len(card) <= TEXT_CHARACTERS:
            break
    return card


def _card(evidence: Mapping[str, Any], request: Request, slices: Sequence[Mapping[str, Any]], of: int) -> str:
    parts = [
        _asking(request),
        _why(request),
        _proof(evidence, request),
        _slices(slices, of),
        _checks(evidence),
        _limits(request),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asking(request: Request) -> str:
    scope, gate = request.spec.scope, request.spec.gate
    asked = plain(", ".join(request.spec.automation.approvers), 200) or "the owner"
    replaced = "There is no champion yet." if request.champion is None else f"Champion now: version {request.champion}."
    return (
        f"**May this version become champion of {plain(request.spec.project, 63)}?** {replaced}\n\n"
        "To answer, add the tag `approval` under Tags below, with the value `approved` or `rejected`. Leeway then "
        "checks evidence and signature again and moves the alias `champion` by itself; please leave aliases alone. "
        f"The evidence counts for {gate.evidence_days} days.\n\n"
        f"Asked: {asked}. Owner: {plain(scope.owner, 120)}. Objective: {plain(scope.objective, 300)}"
    )


def _why(request: Request) -> str:
    return (
        f"### Why now\n\nDecision {plain(request.decision, 120)}, drift: {plain(request.kind, 60)}. "
        f"Reason: {plain(request.reason, 700)}"
    )


def _proof(evidence: Mapping[str, Any], request: Request) -> str:
    metric, target = request.spec.scope.metric.replace("_", " "), request.spec.scope.target
    sure = f"{100 * request.spec.gate.confidence:g} %"
    biases = [number(evidence.get(f"{who}_bias")) for who in ("challenger", "champion")]
    rows = [
        ("", "challenger", "champion", "trivial rule"),
        (metric, *(number(evidence.get(f"{who}_loss")) for who in ("challenger", "champion", "baseline"))),
        (f"{sure} interval", _interval(evidence, "challenger"), "", ""),
        ("bias (truth minus prediction)", *biases, ""),
    ]
    lines = [f"### Proof\n\n{_ground(evidence)} Lower is better.\n", *_table(rows)]
    if evidence.get("difference") is not None:
        rival = "trivial rule" if evidence.get("champion_loss") is None else "champion"
        lines.append(
            f"Challenger minus {rival}: **{number(evidence['difference'])}** ({sure} interval "
            f"{_interval(evidence, 'difference')}); below zero the challenger is better."
        )
    if target is not None:
        lines.append(f"Called a success at {number(target)}.")
    return "\n".join(lines).rstrip()


def _ground(evidence: Mapping[str, Any]) -> str:
    return (
        f"All on the same {_count(evidence.get('rows'))} rows from {plain(evidence.get('start') or 'n/a', 20)} to "
        f"{plain(evidence.get('end') or 'n/a', 20)}, newer than what either model learned from."
    )


def _slices(slices: Sequence[Mapping[str, Any]], of: int) -> str:
    if not slices:
        return ""
    rows = [("slice", "rows", "challenger", "champion", "change")]
    rows += [
        (
            f"{plain(part.get('column', ''), 40)} = {plain(part.get('value', ''), 40)}",
            _count(part.get("rows")),
            number(part.get("challenger_loss")),
            number(part.get("champion_loss")),
            f"{_change(part):+.1%}{' **too much**' if part.get('refused') else ''}",
        )
        for part in slices
    ]
    return f"### Slices ({len(slices)} of {of}, worst change first)\n\n" + "\n".join(_table(rows))


def _checks(evidence: Mapping[str, Any]) -> str:
    verdict = plain(str(evidence.get("verdict", "unknown")).replace("_", " "), 40)
    outcome = "passed" if evidence.get("passed") is True else "**did not pass**"
    reasons = list(evidence.get("reasons") or [])
    lines = [
        f"### Checks\n\nThe gate {outcome}: {verdict}.\n",
        *(f"- {plain(reason, 150)}" for reason in reasons[:REASONS]),
    ]
    if len(reasons) > REASONS:
        lines.append(f"- and {len(reasons) - REASONS} more in evidence.json of the source run")
    return "\n".join(lines)


def _limits(request: Request) -> str:
    return (
        f"### Limits\n\nTrained by {plain(request.recipe, 80)} on rows from {request.trained_from} to "
        f"{request.trained_until}. The numbers above promise nothing for rows unlike those, nor for after a shock; "
        "slices that are not named were not compared. All files, and the whole evidence, are at the source run above."
    )


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
    """Return a table's lines; MLflow's page gives tables no space at all, so cells and the end bring their own."""
    head, *body = (f"| {' &emsp;| '.join(cells)} |" for cells in rows)
    return [head, f"|{' --- |' * len(rows[0])}", *body, "", "&nbsp;", ""]
