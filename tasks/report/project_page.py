"""The project's one page: self-contained HTML without any script, rebuilt from the record each night.

plotly was weighed and left: its library is 4.8 MB a page, and its static pictures need a browser on the server. Its
smallest build, of about 1 MB, is not in the Python package and draws no heat maps. Drawn as SVG, a year of 500 columns
stays below 600 kB, opens wherever a file opens, scripts allowed or not, and follows the reader's theme and width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.lake import Entry
from tasks.render import pages
from tasks.render.axes import NightSpan
from tasks.render.safe_text import ADDRESS
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
from tasks.report.pending_actions import waits
from tasks.spec import ProjectSpec

NIGHTS_DRAWN = 400
LISTED = 60
UNFOLDED = 14
LISTED_KINDS = frozenset({"retraining", "promotion", "rollback", "release"})


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the page's lists: a night's decision, or an event with its subject."""

    night: date
    action: str
    reason: str
    subject: str = ""
    notes: tuple[str, ...] = ()


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
    events = [entry for entry in record if entry.kind in LISTED_KINDS]
    return pages.page(
        "project_page.html",
        title=f"{spec.project}: Leeway",
        spec=spec,
        links={name: address for name, address in (links or {}).items() if ADDRESS.fullmatch(address)},
        cards=list(_cards(nights, record, champion)),
        waits=waits(record, spec),
        why=why_lines(nights[-1], spec, record) if nights else None,
        figures=_figures(nights, record, spec),
        nights=_listed(nights, _night),
        events=_listed(events, _event),
    )


def _cards(nights: Sequence[Entry], record: Sequence[Entry], champion: int | None) -> Iterator[tuple[str, str]]:
    """Give the headings and texts of the cards at the top."""
    changed = [entry for entry in record if entry.kind in {"promotion", "rollback"} and entry.action in CHANGES]
    since = f", since {changed[-1].night}" if changed and champion is not None else ""
    yield "Champion", f"version {champion} serves{since}" if champion is not None else "no model serves yet"
    if not nights:
        return
    last = nights[-1]
    moved, seen = shifts(last), error_of(last)
    kind = f" ({drift_of(last)})" if last.drift not in {"", "none"} else ""
    yield "Last night", f"{last.night}: {last.action}{kind}"
    if seen is not None:
        limit = f", tolerated {seen.tolerated:.4g}" if seen.tolerated is not None else ""
        yield "Error", f"{seen.value:.4g}{limit}"
    if moved:
        yield "Moved most", f"{moved[0].column}, {moved[0].strain:.0%} of its leeway"


def _figures(nights: Sequence[Entry], record: Sequence[Entry], spec: ProjectSpec) -> list[str]:
    if not nights:
        return []
    span = NightSpan(nights[0].night, nights[-1].night)
    figures = [
        error_figure(nights, record, spec, span),
        bias_figure(nights, record, span),
        drift_figure(nights, span),
        nulls_figure(nights, span),
        volume_figure(nights, span),
        automation_figure(nights, span),
        speed_figure(nights, span),
    ]
    return [figure for figure in figures if figure]


def _night(entry: Entry) -> _Row:
    moved, seen = shifts(entry), error_of(entry)
    notes = [drift_of(entry)] if entry.drift else []
    notes += [f"error {seen.value:.4g}"] if seen is not None else []
    notes += [f"{moved[0].column} {moved[0].strain:.0%}"] if moved else []
    return _Row(entry.night, entry.action, entry.reason, notes=tuple(notes))


def _event(entry: Entry) -> _Row:
    return _Row(entry.night, entry.action, entry.reason, entry.subject, (f"by {entry.actor}",))


def _listed(entries: Sequence[Entry], row: Callable[[Entry], _Row]) -> tuple[list[_Row], list[_Row], int]:
    """Return the newest entries as rows, those that the page folds, and how many entries there are."""
    rows = [row(entry) for entry in reversed(entries[-LISTED:])]
    return rows[:UNFOLDED], rows[UNFOLDED:], len(entries)
