"""Where a movement began and whom it concerns, in which slices it hurts, and how quickly the data change."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.lake import Entry
from tasks.render.sections import ReportTable, Section
from tasks.render.values import words
from tasks.report.entry_reader import mapping, number, sequence, shifts

COLUMNS_SHOWN = 5
SLICES_SHOWN = 5
MONTH_DAYS = 30


def origin(entry: Entry) -> Section:
    """Return the first step that moved, the projects up- and downstream, and every step with what moved in it."""
    rows = tuple(
        (
            str(step.get("name", "")),
            words(step.get("rows")) if step.get("rows") is not None else "",
            ", ".join(map(str, sequence(step.get("moved"))[:COLUMNS_SHOWN])) or "nothing",
            f"{strain:.0%}" if (strain := number(step.get("strain"))) else "",
        )
        for step in map(mapping, sequence(entry.details.get("steps")))
    )
    moved = any(mapping(step).get("moved") for step in sequence(entry.details.get("steps")))
    table = ReportTable(("step", "rows", "what moved", "used"), rows) if moved else None
    return Section("Where first", tuple(_lines(entry)), table)


def _lines(entry: Entry) -> Iterator[str]:
    first = entry.details.get("where_first")
    for each in sequence(first) or ([first] if first else []):
        yield words(each)
    for each in map(mapping, sequence(entry.details.get("upstream"))):
        said = f"{each.get('action')} on {each.get('night')}" if each.get("night") else "no night yet"
        moved = ", ".join(map(str, sequence(each.get("moved"))[:COLUMNS_SHOWN]))
        yield f"upstream, {each.get('project')}: {said}" + (f"; moved there: {moved}" if moved else "")
    users = sequence(entry.details.get("downstream"))
    if users:
        yield f"downstream: {', '.join(map(str, users))}"


def worse_slices(entry: Entry) -> ReportTable | None:
    """Return the slices whose error used most of its leeway, where one of them is past it."""
    found = [mapping(each) for each in sequence(entry.details.get("slices"))]
    if not any((number(each.get("strain")) or 0.0) > 1 for each in found):
        return None
    rows = tuple(
        (
            str(each.get("where", "")),
            words(each.get("rows")),
            *(f"{number(each.get(key)) or 0.0:.4g}" for key in ("loss", "expected")),
            f"{number(each.get('strain')) or 0.0:.0%}",
            "yes" if each.get("alone") else "no",
        )
        for each in found[:SLICES_SHOWN]
    )
    return ReportTable(("slice", "rows", "error", "promised", "leeway used", "only there"), rows)


def paces(entry: Entry) -> Iterator[str]:
    """Say how quickly the columns past their leeway moved since the champion's training.

    >>> from datetime import UTC, datetime
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> moved = [{"column": "area", "statistic": "level", "distance": 0.3, "leeway": 0.1, "strain": 3.0}]
    >>> details = {"speed": {"area": 0.15}, "moved": moved}
    >>> list(paces(Entry("n", "night", moment.date(), moment, "hold", "area moved", details=details)))
    ['area: 0.15 a month since training; at that pace its leeway of 0.1 lasts 20 days']
    """
    leeways = {shift.column: shift.leeway for shift in reversed(shifts(entry))}
    for column, value in mapping(entry.details.get("speed")).items():
        pace, leeway = number(value), leeways.get(str(column), 0.0)
        if pace:
            lasts = f"; at that pace its leeway of {leeway:.3g} lasts {MONTH_DAYS * leeway / pace:.3g} days"
            yield f"{column}: {pace:.3g} a month since training" + (lasts if leeway else "")
