"""A night's validation for people: markdown for Prefect, and a page that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from shlex import quote

from tasks.records import Finding
from tasks.validate.label_quality.consistency import LabelReport
from tasks.validate.label_quality.consistency_markdown import odd
from tasks.validate.summary.delivery_summary import Concluded, DeliverySummary, delivery_summaries, headline
from tasks.validate.summary.markdown_safe import cell, table

DELIVERIES_SHOWN = 200
FINDINGS_SHOWN = 50
STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5c6776;--line:#d9dee5;--back:#fff;
--bad:#b3261e;--warn:#8a5a00;--good:#1b6e3c}
@media(prefers-color-scheme:dark){
:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#323a46;--back:#14181e;--bad:#ff8a80;--warn:#ffca6b;--good:#7fd6a0}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}
body{max-width:70rem;margin:0 auto;padding:1rem}
h1{margin-bottom:.2rem;overflow-wrap:anywhere}.soft{color:var(--soft)}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.t{overflow-wrap:anywhere;min-width:9rem}td.n{text-align:right;white-space:nowrap}.wide{overflow-x:auto}
details{border:1px solid var(--line);border-radius:.4rem;margin:.6rem 0;padding:.4rem .8rem}
summary{cursor:pointer;overflow-wrap:anywhere}
.quarantined,.critical{color:var(--bad);font-weight:600}.partly_quarantined,.warning{color:var(--warn);font-weight:600}
.accepted{color:var(--good);font-weight:600}
"""


def validation_markdown(checked: Sequence[Concluded], night: date, labels: LabelReport | None = None) -> str:
    """Return one night's deliveries as markdown: each with its verdict, and every finding.

    Examples
    --------
    >>> print(validation_markdown([], date(2026, 1, 2)).splitlines()[2])
    Nothing was delivered.
    """
    deliveries = delivery_summaries(checked)
    lines = [f"# What was delivered by {night}", "", headline(deliveries), ""]
    shown = deliveries[:DELIVERIES_SHOWN]
    if shown:
        rows = ((each.key, each.kind, _words(each.verdict), each.rows_in, each.rows_refused) for each in shown)
        lines += table(("delivery", "kind", "verdict", "rows", "refused"), rows)
    for each in shown:
        if each.findings:
            findings = ((one.severity, one.message, ", ".join(one.row_ids)) for one in each.findings[:FINDINGS_SHOWN])
            lines += ["", f"## {cell(each.key)}", "", *table(("severity", "finding", "first rows"), findings)]
    if labels is not None and (found := odd(labels)):
        lines += ["", "## Labels", "", *(f"- {cell(text)}" for text in found)]
    return "\n".join([*lines, *(["", _more(deliveries)] if _more(deliveries) else [])]) + "\n"


def validation_page(project: str, checked: Sequence[Concluded], night: date, labels: LabelReport | None = None) -> str:
    """Return the same as HTML that needs no network; all that came from data or people is escaped.

    Examples
    --------
    >>> "<h1>shop: what was delivered by 2026-01-02</h1>" in validation_page("shop", [], date(2026, 1, 2))
    True
    """
    deliveries = delivery_summaries(checked)
    title = f"{escape(project)}: what was delivered by {night}"
    return "\n".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width,initial-scale=1'>",
            f"<title>{title}</title><style>{STYLE}</style></head><body>",
            f"<h1>{title}</h1><p>{escape(headline(deliveries))}</p>",
            *(_delivery(project, each) for each in deliveries[:DELIVERIES_SHOWN]),
            f"<p class='soft'>{escape(_more(deliveries))}</p>",
            *_labels(labels),
            "</body></html>",
        ]
    )


def _delivery(project: str, each: DeliverySummary) -> str:
    is_open = " open" if each.verdict != "accepted" else ""
    refused = f", {each.rows_refused:,} refused" if each.rows_refused else ""
    count = len(each.findings)
    notes = f", {count} finding{'s' if count > 1 else ''}" if count else ""
    summary = (
        f"<summary><span class='{each.verdict}'>{_words(each.verdict)}</span> {escape(each.key)} "
        f"<span class='soft'>{each.rows_in:,} {escape(each.kind)}{refused}{notes}</span></summary>"
    )
    return f"<details{is_open}>{summary}{''.join(_findings(each))}{_what_to_do(project, each)}</details>"


def _findings(each: DeliverySummary) -> Iterator[str]:
    if not each.findings:
        yield "<p class='soft'>Every expectation holds.</p>"
        return
    yield "<div class='wide'><table><tr><th>severity</th><th>rows</th><th>finding</th><th>first rows</th></tr>"
    yield from map(_finding, each.findings[:FINDINGS_SHOWN])
    yield "</table></div>"
    if len(each.findings) > FINDINGS_SHOWN:
        yield f"<p class='soft'>and {len(each.findings) - FINDINGS_SHOWN} more findings</p>"


def _finding(finding: Finding) -> str:
    return (
        f"<tr><td class='{finding.severity}'>{finding.severity}</td><td class='n'>{finding.rows_failed:,}</td>"
        f"<td class='t'>{escape(finding.message)}</td><td class='t soft'>{escape(', '.join(finding.row_ids))}</td></tr>"
    )


def _what_to_do(project: str, each: DeliverySummary) -> str:
    if not each.rows_refused:
        return ""
    command = escape(f"leeway release {project} {quote(each.key)}")
    return f"<p class='soft'>Deliver it again, corrected; or, once a person has looked: <code>{command}</code></p>"


def _labels(labels: LabelReport | None) -> Iterator[str]:
    found = odd(labels) if labels is not None else []
    if found:
        yield "<h2>Labels</h2><ul>"
        yield from (f"<li>{escape(text)}</li>" for text in found)
        yield "</ul>"


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")


def _more(deliveries: Sequence[DeliverySummary]) -> str:
    left = len(deliveries) - DELIVERIES_SHOWN
    return f"and {left:,} more deliveries" if left > 0 else ""
