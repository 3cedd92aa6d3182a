"""The project's one page: self-contained HTML without any script, rebuilt from the record each night.

plotly was weighed and left: its library is 4.8 MB a page, and its static pictures need a browser on the server. Its
smallest build, of about 1 MB, is not in the Python package and draws no heat maps. Drawn as SVG, a year of 500 columns
stays below 600 kB, opens wherever a file opens, scripts allowed or not, and follows the reader's theme and width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from tasks.records import (
    DegreeEntry,
    Entry,
    MigrationEntry,
    NightEntry,
    PromotionEntry,
    ReleaseEntry,
    RetrainingEntry,
    RollbackEntry,
    SpecEntry,
    WindowDistributions,
)
from tasks.render import pages
from tasks.render.axes import NightSpan
from tasks.render.png_picture import ShownPicture
from tasks.render.safe_text import ADDRESS
from tasks.report.charts.distribution_figure import distribution_figure
from tasks.report.charts.metric_figures import coverage_figures, group_figures, metric_figures
from tasks.report.charts.night_figures import (
    automation_figure,
    bias_figure,
    champion_changes,
    drift_figure,
    error_figure,
    nulls_figure,
    speed_figure,
    volume_figure,
)
from tasks.report.charts.output_figures import output_figures, people_figure
from tasks.report.explanation import why_lines
from tasks.report.night_readings import KIND_WORDS, headline, latest_nights
from tasks.report.pending_actions import pending_actions
from tasks.spec import ProjectSpec

NIGHTS_DRAWN = 400
LISTED = 60
UNFOLDED = 14
LISTED_KINDS = (RetrainingEntry, PromotionEntry, RollbackEntry, ReleaseEntry, SpecEntry, DegreeEntry, MigrationEntry)
E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the page's lists: a night's decision, or an event with its subject."""

    night: date
    action: str
    reason: str
    subject: str = ""
    notes: tuple[str, ...] = ()


def page(
    spec: ProjectSpec,
    record: Sequence[Entry],
    champion: int | None,
    links: Mapping[str, str] | None = None,
    distributions: WindowDistributions | None = None,
    pictures: Sequence[ShownPicture] = (),
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
    distributions : WindowDistributions, optional
        The inputs of the newest measured night next to the reference.
    pictures : sequence of ShownPicture
        Rows that a person looks at, with their pictures.
    """
    nights = latest_nights(record)[-NIGHTS_DRAWN:]
    events = [entry for entry in record if isinstance(entry, LISTED_KINDS)]
    return pages.page(
        "project_page.html",
        title=f"{spec.project}: Leeway",
        spec=spec,
        links={name: address for name, address in (links or {}).items() if ADDRESS.fullmatch(address)},
        cards=list(_cards(nights, record, champion)),
        pending=pending_actions(record, spec),
        why=why_lines(nights[-1], spec, record) if nights else None,
        figures=[*_figures(nights, record, spec), *_distributions(nights, distributions)],
        pictures=pictures,
        nights=_listed(nights, _night),
        events=_listed(events, _event),
    )


def _cards(nights: Sequence[NightEntry], record: Sequence[Entry], champion: int | None) -> Iterator[tuple[str, str]]:
    """Yield the headings and texts of the cards at the top."""
    changes = champion_changes(record)
    since = f", since {changes[-1].night}" if changes and champion is not None else ""
    yield "Champion", f"version {champion} serves{since}" if champion is not None else "no model serves yet"
    if not nights:
        return
    last = nights[-1]
    yield "Last night", f"{last.night}: {headline(last)}"
    if last.performance is not None:
        loss = last.performance.loss
        yield "Error", f"{loss.value:.4g}, tolerated {loss.tolerated:.4g}"
    if last.moved:
        yield "Moved most", f"{last.moved[0].column}, {last.moved[0].strain:.0%} of its leeway"


def _figures(nights: Sequence[NightEntry], record: Sequence[Entry], spec: ProjectSpec) -> list[str]:
    if not nights:
        return []
    span = NightSpan(nights[0].night, nights[-1].night)
    figures = [
        error_figure(nights, record, spec, span),
        bias_figure(nights, record, span),
        *metric_figures(nights, record, span),
        *coverage_figures(nights, record, span),
        *group_figures(nights, record, span),
        drift_figure(nights, span),
        nulls_figure(nights, span),
        volume_figure(nights, span),
        automation_figure(nights, span),
        *output_figures(nights, span),
        people_figure(nights, span),
        speed_figure(nights),
    ]
    return [figure for figure in figures if figure]


def _distributions(nights: Sequence[NightEntry], distributions: WindowDistributions | None) -> list[str]:
    return [distribution_figure(nights[-1], distributions)] if nights and distributions is not None else []


def _night(night: NightEntry) -> _Row:
    notes = [KIND_WORDS[night.drift]]
    notes += [f"error {night.performance.loss.value:.4g}"] if night.performance is not None else []
    notes += [f"{night.moved[0].column} {night.moved[0].strain:.0%}"] if night.moved else []
    return _Row(night.night, night.action, night.reason, notes=tuple(notes))


def _event(entry: Entry) -> _Row:
    return _Row(entry.night, entry.action.replace("_", " "), entry.reason, entry.subject, (f"by {entry.actor}",))


def _listed(entries: Sequence[E], row: Callable[[E], _Row]) -> tuple[list[_Row], list[_Row], int]:
    """Return the newest entries as rows, those that the page folds, and how many entries there are."""
    rows = [row(entry) for entry in reversed(entries[-LISTED:])]
    return rows[:UNFOLDED], rows[UNFOLDED:], len(entries)
