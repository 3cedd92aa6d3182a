"""What people decide next to the model: the section of a night, and the figure over time."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.records import ComparedRows, NightEntry, SureMean
from tasks.render.axes import NightSpan
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart
from tasks.render.sections import ReportTable, Section

HEADS = ("rows", "decided by both", "the same", "known", "people wrong", "model wrong", "model right where one was")


def people_section(night: NightEntry) -> Section:
    """Return how people and the model decided the same rows, for all of them and by slice; no lines without any."""
    found = night.people
    if found is None:
        return Section("People and the model")
    lines = [f"{found.sentence} ({found.since} to {found.until}, without the answer in view)"]
    if found.shown_agreement is not None:
        same = found.shown_agreement.words(is_share=True)
        lines.append(f"{found.shown_rows:,} more rows were decided with the answer in view: the same on {same}")
    rows = tuple(_cells(part, is_share=found.are_shares) for part in (found.hidden, *found.slices))
    return Section("People and the model", tuple(lines), ReportTable(HEADS, rows))


def _cells(part: ComparedRows, *, is_share: bool) -> tuple[str, ...]:
    """Return compared rows as the cells of a table.

    >>> _cells(ComparedRows("site = B", 40, SureMean(0.5, 0.25, 0.75)), is_share=True)[:4]
    ('site = B', '40', '50.0 % (25.0 to 75.0)', '0')
    """
    errors = (_words(error, is_share=is_share) for error in (part.person_error, part.model_error))
    right = _words(part.model_right, is_share=True)
    return (
        part.where or "all",
        f"{part.rows:,}",
        _words(part.agreement, is_share=True),
        f"{part.labelled:,}",
        *errors,
        right,
    )


def _words(mean: SureMean | None, *, is_share: bool) -> str:
    return "n/a" if mean is None else mean.words(is_share=is_share)


def people_figure(nights: Sequence[NightEntry], span: NightSpan) -> str:
    """Return the share of rows on which people and the model decide the same, by night; empty without any."""
    known = [(night.night, night.people.hidden.agreement) for night in nights if night.people is not None]
    points = [(night, agreement) for night, agreement in known if agreement is not None]
    if not points:
        return ""
    bounds = (("", "limit", "low"), ("every look", "limit", "high"), ("the same decision", "", "value"))
    lines = tuple(
        ChartSeries(name, style, tuple((night, 100 * getattr(mean, part)) for night, mean in points))
        for name, style, part in bounds
    )
    newest = next(night.people for night in reversed(nights) if night.people is not None)
    plot = LineChart(
        title="People and the model: the same decision (% of rows)",
        caption=newest.sentence,
        span=span,
        lines=lines,
        tips=tuple((night, f"{mean.words(is_share=True)}") for night, mean in points),
    )
    return draw_line_chart(plot)
