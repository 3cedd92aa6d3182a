"""The project's one page: self-contained HTML without any script, rebuilt from the record each night.

plotly was weighed and left: its library is 4.8 MB a page, and its static pictures need a browser on the server. Its
smallest build, of about 1 MB, is not in the Python package and draws no heat maps. Drawn as SVG, a year of 500 columns
stays below 600 kB, opens wherever a file opens, scripts allowed or not, and follows the reader's theme and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.lake import Entry
from tasks.render.line_chart import NightSpan
from tasks.render.safe_text import ADDRESS, html, linked, own
from tasks.render.sections import ReportTable, Section
from tasks.render.stylesheet import STYLE
from tasks.report.entry_reader import drift_of, error_of, nights_of, shifts
from tasks.report.explanation import why_lines
from tasks.report.figures import (
    CHANGES,
    automation_figure,
    bias_figure,
    drift_figure,
    error_figure,
    nulls_figure,
    speed_figure,
    volume_figure,
)
from tasks.report.pending_actions import Wait, waits
from tasks.spec import ProjectSpec

NIGHTS_DRAWN = 400
LISTED = 60
LISTED_KINDS = frozenset({"retraining", "promotion", "rollback", "release"})


def page(
    spec: ProjectSpec, record: Sequence[Entry], champion: int | None, links: Mapping[str, str] | None = None
) -> str:
    """Return the page as HTML; everything that came from data or people is escaped.

    Parameters
    ----------
    record : sequence of Entry
        The whole record, oldest first; the newest 400 nights are drawn.
    champion : int or None
        Number of the version that serves.
    links : mapping of str to str, optional
        Addresses to go on to, by name: `{"MLflow": "http://..."}`; one that is not http or https is left out.
    """
    nights = nights_of(record)[-NIGHTS_DRAWN:]
    return "\n".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width,initial-scale=1'>",
            "<meta name='referrer' content='no-referrer'>",
            f"<title>{html(spec.project)}: Leeway</title><style>{STYLE}</style></head><body>",
            f"<header><h1>{own(spec.project)}</h1><p class='soft'>{own(spec.scope.objective)}</p>",
            f"<p class='soft'>Owner: {own(spec.scope.owner)}. Automation: {spec.automation.degree}.{_links(links)}</p>",
            f"</header><main>{_cards(nights, record, champion)}",
            "<h2>What waits for whom</h2>",
            _waiting(waits(record, spec)),
            *_last_night(nights, record, spec),
            *_figures(nights, record, spec),
            f"<h2>Nights</h2>{_nights(nights)}",
            f"<h2>Retrainings, promotions, releases</h2>{_events(record)}</main></body></html>",
        ]
    )


def _links(links: Mapping[str, str] | None) -> str:
    known = {name: address for name, address in (links or {}).items() if ADDRESS.fullmatch(address)}
    return "".join(f" <a href='{html(address)}' rel='noopener'>{html(name)}</a>" for name, address in known.items())


def _cards(nights: Sequence[Entry], record: Sequence[Entry], champion: int | None) -> str:
    changed = [entry for entry in record if entry.kind in {"promotion", "rollback"} and entry.action in CHANGES]
    since = f", since {changed[-1].night}" if changed and champion is not None else ""
    cards = [("Champion", f"version {champion} serves{since}" if champion is not None else "no model serves yet")]
    if nights:
        last = nights[-1]
        moved, seen = shifts(last), error_of(last)
        kind = f" ({drift_of(last)})" if last.drift not in {"", "none"} else ""
        cards.append(("Last night", f"{last.night}: {last.action}{kind}"))
        if seen is not None:
            limit = f", tolerated {seen.tolerated:.4g}" if seen.tolerated is not None else ""
            cards.append(("Error", f"{seen.value:.4g}{limit}"))
        if moved:
            cards.append(("Moved most", f"{moved[0].column}, {moved[0].strain:.0%} of its leeway"))
    return (
        "<dl class='cards'>"
        + "".join(f"<div><dt>{name}</dt><dd>{own(text)}</dd></div>" for name, text in cards)
        + "</dl>"
    )


def _waiting(found: Sequence[Wait]) -> str:
    if not found:
        return "<p class='soft'>Nothing waits for anybody.</p>"
    rows = "".join(
        f"<tr><td class='when'>{wait.since}</td><td class='why'><b>{own(wait.what)}</b>, for {own(wait.whom)}"
        f"<br><span class='soft'>{linked(wait.how)}</span></td></tr>"
        for wait in found
    )
    head = "<thead><tr><th scope='col'>since</th><th scope='col'>what, for whom, and how to answer</th></tr></thead>"
    return f"<div class='wide'><table>{head}<tbody>{rows}</tbody></table></div>"


def _last_night(nights: Sequence[Entry], record: Sequence[Entry], spec: ProjectSpec) -> list[str]:
    if not nights:
        return []
    why = why_lines(nights[-1], spec, record)
    parts = "".join(map(_section, why.sections))
    return [
        f"<h2>Why, on {why.night}: {own(why.headline)}</h2><p>{linked(why.reason)}</p>",
        f"<details><summary>What moved, does it hurt, what it would have taken</summary>{parts}</details>",
    ]


def _section(section: Section) -> str:
    lines = "".join(f"<li>{linked(line)}</li>" for line in section.lines)
    shown = f"<ul>{lines}</ul>" if lines else ""
    return f"<h3>{html(section.title)}</h3>{shown}" + (_plain(section.table) if section.table else "")


def _plain(table: ReportTable) -> str:
    heads = "".join(f"<th scope='col'>{html(head)}</th>" for head in table.heads)
    rows = "".join(f"<tr>{''.join(f'<td>{own(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f"<div class='wide'><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"


def _figures(nights: Sequence[Entry], record: Sequence[Entry], spec: ProjectSpec) -> list[str]:
    if not nights:
        return []
    span = NightSpan(nights[0].night, nights[-1].night)
    made = [
        error_figure(nights, record, spec, span),
        bias_figure(nights, record, span),
        drift_figure(nights, span),
        nulls_figure(nights, span),
        volume_figure(nights, span),
        automation_figure(nights, span),
        speed_figure(nights, span),
    ]
    return [figure for figure in made if figure]


def _nights(nights: Sequence[Entry]) -> str:
    rows = [
        f"<tr><td class='when'>{entry.night}</td><td class='act'>{html(entry.action)}</td><td class='why'>"
        f"{linked(entry.reason)}<br><span class='soft'>{_numbers(entry)}</span></td></tr>"
        for entry in reversed(nights[-LISTED:])
    ]
    return _listed(rows, ("night", "decision", "why"), len(nights))


def _numbers(entry: Entry) -> str:
    moved, seen = shifts(entry), error_of(entry)
    told = [html(drift_of(entry))] if entry.drift else []
    told += [f"error {seen.value:.4g}"] if seen is not None else []
    told += [f"{own(moved[0].column)} {moved[0].strain:.0%}"] if moved else []
    return " · ".join(told)


def _events(record: Sequence[Entry]) -> str:
    events = [entry for entry in record if entry.kind in LISTED_KINDS]
    rows = [
        f"<tr><td class='when'>{entry.night}</td><td class='act'>{html(entry.action)}</td><td class='why'>"
        f"{own(entry.subject)}: {linked(entry.reason)}<br><span class='soft'>by {own(entry.actor)}</span></td></tr>"
        for entry in reversed(events[-LISTED:])
    ]
    return _listed(rows, ("night", "what", "to what, and why"), len(events))


def _listed(rows: Sequence[str], heads: Sequence[str], many: int) -> str:
    if not rows:
        return "<p class='soft'>none yet</p>"
    head = "".join(f"<th scope='col'>{each}</th>" for each in heads)
    more = f"<p class='soft'>The newest {len(rows)} of {many}.</p>" if many > len(rows) else ""
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{more}"
