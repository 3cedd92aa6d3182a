"""Where a movement began and which projects it concerns, in which slices it hurts, and how quickly the data change."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.records import NightEntry, WhereFirst
from tasks.render.sections import ReportTable, Section

COLUMNS_SHOWN = 5
SLICES_SHOWN = 5
MONTH_DAYS = 30


def origin(night: NightEntry) -> Section:
    """Return the first step that moved, the projects up- and downstream, and every step with what moved in it."""
    rows = tuple(
        (
            step.name,
            "" if step.rows is None else f"{step.rows}",
            ", ".join(step.moved[:COLUMNS_SHOWN]) or "nothing",
            f"{step.strain:.0%}",
        )
        for step in night.steps
    )
    moved = any(step.moved for step in night.steps)
    table = ReportTable(("step", "rows", "what moved", "leeway used"), rows) if moved else None
    return Section("Where first", tuple(_lines(night)), table)


def _lines(night: NightEntry) -> Iterator[str]:
    where = night.answer(WhereFirst)
    if where is None:
        return
    yield where.answer
    for project in where.upstream:
        said = f"{project.action} on {project.night}" if project.night else "no night yet"
        moved = ", ".join(project.moved[:COLUMNS_SHOWN])
        yield f"upstream, {project.project}: {said}" + (f"; moved there: {moved}" if moved else "")
    if where.downstream:
        yield f"downstream: {', '.join(where.downstream)}"


def worse_slices(night: NightEntry) -> ReportTable | None:
    """Return the slices with the most strained errors, where one of them is past its leeway."""
    if not any(error.strain > 1 for error in night.slices):
        return None
    rows = tuple(
        (
            error.where,
            f"{error.rows}",
            f"{error.loss:.4g}",
            f"{error.expected:.4g}",
            f"{error.strain:.0%}",
            "yes" if error.alone else "no",
        )
        for error in night.slices[:SLICES_SHOWN]
    )
    return ReportTable(("slice", "rows", "error", "promised", "leeway used", "only there"), rows)


def paces(night: NightEntry) -> Iterator[str]:
    """Yield how quickly the columns past their leeway moved since the champion's training.

    Examples
    --------
    Of .1 a month's pace of .15 needs 20 days.

    >>> from datetime import UTC, datetime
    >>> from tasks.records import DriftStatistic, Statistic
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> moved = (DriftStatistic("area", Statistic.LEVEL, 0.3, leeway=0.1),)
    >>> night = NightEntry(name="n", night=moment.date(), time=moment, action="hold", reason="area moved",
    ...     moved=moved, drift_per_month={"area": 0.15})
    >>> list(paces(night))
    ['area: 0.15 sd a month since training; at that pace its leeway of 0.1 lasts 20 days']
    """
    worst = {moved.column: moved for moved in reversed(night.moved)}
    for column, pace in night.drift_per_month.items():
        moved = worst.get(column)
        if not pace:
            continue
        unit = f" {moved.statistic.unit}" if moved and moved.statistic.unit else ""
        text = f"{column}: {pace:.3g}{unit} a month since training"
        if moved and moved.leeway:
            text += f"; at that pace its leeway of {moved.leeway:.3g} lasts {MONTH_DAYS * moved.leeway / pace:.3g} days"
        yield text
