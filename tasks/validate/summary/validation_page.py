"""The validation of a night's deliveries for people: markdown for Prefect, and a page that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from shlex import quote

from tasks.records import Finding
from tasks.render.pages import page
from tasks.render.safe_text import markdown
from tasks.render.sections import markdown_table
from tasks.render.values import counted
from tasks.validate.label_quality.consistency import LabelReport
from tasks.validate.label_quality.consistency_markdown import inconsistencies
from tasks.validate.summary.delivery_summary import Concluded, DeliverySummary, delivery_summaries, headline

DELIVERIES_SHOWN = 200
FINDINGS_SHOWN = 50
CELL_CHARACTERS = 500
LOOKS = {
    "quarantined": "bad",
    "partly_quarantined": "warn",
    "accepted": "good",
    "critical": "bad",
    "warning": "warn",
    "info": "soft",
}
"""The class of the stylesheet for each verdict and severity."""


def validation_markdown(checked: Sequence[Concluded], night: date, labels: LabelReport | None = None) -> str:
    """Return one night's deliveries as markdown: each with its verdict, and every finding.

    Ids of rows are only on the page: a server keeps what it is sent, also when the rows are erased.

    Examples
    --------
    >>> print(validation_markdown([], date(2026, 1, 2)).splitlines()[2])
    Nothing was delivered.
    """
    deliveries = delivery_summaries(checked)
    lines = [f"# Deliveries up to {night}", "", headline(deliveries), ""]
    shown = deliveries[:DELIVERIES_SHOWN]
    if shown:
        rows = [(part.key, part.kind, _verdict(part), part.rows_in, part.rows_refused) for part in shown]
        lines += markdown_table(("delivery", "kind", "verdict", "rows", "refused"), rows, limit=CELL_CHARACTERS)
    for delivery in shown:
        lines += _findings(delivery)
    if labels is not None and (found := inconsistencies(labels)):
        lines += ["", "## Labels", "", *(f"- {markdown(text)}" for text in found)]
    return "\n".join([*lines, *(["", _more(deliveries)] if _more(deliveries) else [])]) + "\n"


def validation_page(project: str, checked: Sequence[Concluded], night: date, labels: LabelReport | None = None) -> str:
    """Return the same as HTML that needs no network; all that came from data or people is escaped.

    Examples
    --------
    >>> "<h1>shop: deliveries up to 2026-01-02</h1>" in validation_page("shop", [], date(2026, 1, 2))
    True
    """
    deliveries = delivery_summaries(checked)
    return page(
        "validation_page.html",
        title=f"{project}: deliveries up to {night}",
        headline=headline(deliveries),
        deliveries=[_shown(project, delivery) for delivery in deliveries[:DELIVERIES_SHOWN]],
        findings_shown=FINDINGS_SHOWN,
        looks=LOOKS,
        more=_more(deliveries),
        labels=inconsistencies(labels) if labels is not None else [],
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """A delivery on the page; `release` is the command that accepts its refused rows, where there are any."""

    key: str
    verdict: str
    counts: str
    findings: tuple[Finding, ...]
    release: str


def _shown(project: str, delivery: DeliverySummary) -> _Shown:
    refused = [f"{delivery.rows_refused:,} refused"] if delivery.rows_refused else []
    findings = [counted(len(delivery.findings), "finding")] if delivery.findings else []
    counts = ", ".join([f"{delivery.rows_in:,} {delivery.kind}", *refused, *findings])
    release = f"leeway release {project} {quote(delivery.key)}" if delivery.rows_refused else ""
    return _Shown(delivery.key, delivery.verdict, counts, delivery.findings, release)


def _findings(delivery: DeliverySummary) -> list[str]:
    if not delivery.findings:
        return []
    shown = delivery.findings[:FINDINGS_SHOWN]
    rows = [(finding.severity, finding.message) for finding in shown]
    table = markdown_table(("severity", "finding"), rows, limit=CELL_CHARACTERS)
    return ["", f"## {markdown(delivery.key, CELL_CHARACTERS)}", "", *table]


def _verdict(delivery: DeliverySummary) -> str:
    return delivery.verdict.replace("_", " ")


def _more(deliveries: Sequence[DeliverySummary]) -> str:
    left = len(deliveries) - DELIVERIES_SHOWN
    return f"and {counted(left, 'more delivery', 'more deliveries')}" if left > 0 else ""
