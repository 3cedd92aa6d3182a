"""The project's figures over time: error, bias, rows, automation, and what else its nights recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from tasks.lake import Entry
from tasks.render.axes import NightSpan
from tasks.render.heat_map import HeatMap, Strip, heat_map, strips
from tasks.render.line_chart import LineChart, Series, drawn
from tasks.render.pages import render
from tasks.render.sections import ReportTable
from tasks.report.entry_reader import (
    NULLS,
    Measure,
    amount,
    bias_of,
    error_of,
    estimate_of,
    mapping,
    measure,
    number,
    strains,
)
from tasks.spec import ProjectSpec

CHANGES = frozenset({"promoted", "rolled_back", "put_back"})
FASTEST = 10
NULLS_FROM = 0.5
NULL_COLUMNS = 10


def error_figure(nights: Sequence[Entry], record: Sequence[Entry], spec: ProjectSpec, span: NightSpan) -> str:
    """Return the champion's error: realised with its interval, tolerated, estimated, and changes of champion marked."""
    seen, guessed = _series(nights, error_of), _series(nights, estimate_of)
    if not seen and not guessed:
        return ""
    lines = [_line("realised", "", seen)] if seen else []
    tolerated = [(night, found.tolerated) for night, found in seen if found.tolerated is not None]
    lines += [Series("tolerated", "limit", tuple(tolerated))] if tolerated else []
    lines += [_line("estimated, without labels", "guess", guessed)] if guessed else []
    plot = LineChart(
        title=f"Error of the champion ({spec.scope.metric.replace('_', ' ')})",
        said=_said(seen or guessed, "realised" if seen else "estimated"),
        span=span,
        lines=tuple(lines),
        band=_band(seen or guessed),
        marks=_changes(record, span),
        tips=tuple((night, _told(found)) for night, found in seen),
    )
    return drawn(plot)


def bias_figure(nights: Sequence[Entry], record: Sequence[Entry], span: NightSpan) -> str:
    """Return the mean signed error, which counts in both directions, between its two limits."""
    seen = _series(nights, bias_of)
    if not seen:
        return ""
    limits = [
        Series(name, "limit", tuple((night, found.at(sign)) for night, found in seen if found.leeway is not None))
        for name, sign in (("tolerated", 1), ("", -1))
    ]
    plot = LineChart(
        title="Bias (truth minus prediction)",
        said=_said(seen, "bias"),
        span=span,
        lines=(_line("bias", "", seen), *limits),
        band=_band(seen),
        marks=_changes(record, span),
        tips=tuple((night, _told(found)) for night, found in seen),
    )
    return drawn(plot)


def drift_figure(nights: Sequence[Entry], span: NightSpan) -> str:
    """Return the leeway each column used, night by night."""
    found = strips({entry.night: strains(entry) for entry in nights}, span.last)
    if not found:
        return ""
    past = [strip for strip in found if strip.newest(span.last) > 1]
    said = f"{len(past)} of {len(found)} columns were past their leeway in the newest four weeks" + _named(past)
    note = (
        "Blank: less than half of the leeway, or not among the most moved of that night. The numbers are shares of it."
    )
    return _heat("Drift by column", f"{said}. {note}", found, nights, span)


def nulls_figure(nights: Sequence[Entry], span: NightSpan) -> str:
    """Return the leeway each column's share of nulls used; only the columns in which it ever stirred."""
    tables = {entry.night: strains(entry, NULLS) for entry in nights}
    if not any(tables.values()):
        return ""
    found = [strip for strip in strips(tables, span.last) if strip.most >= NULLS_FROM][:NULL_COLUMNS]
    if not found:
        said = "No column's share of nulls used half of its leeway."
        return render("note.html", title="Nulls", said=said, table=None)
    return _heat("Nulls", "How much of its leeway each column's share of nulls used.", found, nights, span)


def volume_figure(nights: Sequence[Entry], span: NightSpan) -> str:
    """Return rows taken in and set aside, a night."""
    rows = [(entry.night, float(amount(entry.details, "rows"))) for entry in nights]
    aside = [(entry.night, float(amount(entry.details, "quarantined"))) for entry in nights]
    took, kept_out = sum(many for _, many in rows), sum(many for _, many in aside)
    share = kept_out / (took + kept_out) if took + kept_out else 0.0
    plot = LineChart(
        title="Rows a night",
        said=f"{took:,.0f} rows taken in over {len(rows)} nights, {kept_out:,.0f} set aside ({share:.1%})",
        span=span,
        bars=(Series("taken in", "taken", tuple(rows)), Series("set aside", "refused", tuple(aside))),
        tips=tuple(
            (night, f"{many:,.0f} in, {out:,.0f} set aside")
            for (night, many), (_, out) in zip(rows, aside, strict=True)
        ),
    )
    return drawn(plot)


def automation_figure(nights: Sequence[Entry], span: NightSpan) -> str:
    """Return the share of rows that the model answered by itself."""
    shares = [(entry.night, number(entry.details.get("deferred_share"))) for entry in nights]
    points = tuple((night, 100 * (1 - share)) for night, share in shares if share is not None)
    if not points:
        return ""
    plot = LineChart(
        title="Automation rate (%)",
        said=f"{points[-1][1]:.1f} % of the newest night's rows were answered without a person",
        span=span,
        lines=(Series("answered by the model", "", points),),
        tips=tuple((night, f"{share:.1f} %") for night, share in points),
    )
    return drawn(plot)


def speed_figure(nights: Sequence[Entry], span: NightSpan) -> str:
    """Return how quickly the data change: one number a night over time, or, by column, the fastest of the newest night.

    A night's `speed` is a number, a record with `value`, or numbers by column.
    """
    points = [(entry.night, found.value) for entry in nights if (found := measure(entry.details.get("speed")))]
    if points:
        said = f"{points[-1][1]:.3g} on {points[-1][0]}"
        return drawn(LineChart("Data speed", said, span, lines=(Series("speed", "", tuple(points)),)))
    tables = [(entry.night, mapping(entry.details.get("speed"))) for entry in nights if entry.details.get("speed")]
    if not tables:
        return ""
    night, newest = tables[-1]
    known = {str(column): pace for column, value in newest.items() if (pace := number(value)) is not None}
    fastest = sorted(known.items(), key=lambda each: (-abs(each[1]), each[0]))[:FASTEST]
    table = ReportTable(("column", "speed"), tuple((column, f"{pace:.3g}") for column, pace in fastest))
    return render("note.html", title="Data speed", said=f"The fastest on {night}.", table=table)


def _heat(title: str, said: str, found: Sequence[Strip], nights: Sequence[Entry], span: NightSpan) -> str:
    return heat_map(HeatMap(title, said, found, [entry.night for entry in nights], span))


def _series(nights: Sequence[Entry], of: Callable[[Entry], Measure | None]) -> list[tuple[date, Measure]]:
    return [(entry.night, found) for entry in nights if (found := of(entry)) is not None]


def _line(name: str, look: str, seen: Sequence[tuple[date, Measure]]) -> Series[date]:
    return Series(name, look, tuple((night, found.value) for night, found in seen))


def _band(seen: Sequence[tuple[date, Measure]]) -> tuple[tuple[date, float, float], ...]:
    return tuple((night, one.low, one.high) for night, one in seen if one.low is not None and one.high is not None)


def _changes(record: Sequence[Entry], span: NightSpan) -> tuple[tuple[date, str], ...]:
    done = (entry for entry in record if entry.kind in {"promotion", "rollback"} and entry.action in CHANGES)
    return tuple((entry.night, entry.subject) for entry in done if span.first <= entry.night <= span.last)


def _told(found: Measure) -> str:
    text = f"{found.value:.4g}"
    text += f" ({found.low:.4g} to {found.high:.4g})" if found.low is not None and found.high is not None else ""
    return text + (f", tolerated {found.tolerated:.4g}" if found.tolerated is not None else "")


def _said(seen: Sequence[tuple[date, Measure]], what: str) -> str:
    night, newest = seen[-1]
    return f"Newest, on {night}: {what} {_told(newest)}"


def _named(past: Sequence[Strip], many: int = 5) -> str:
    if not past:
        return ""
    return ": " + ", ".join(strip.column for strip in past[:many]) + (" and others" if len(past) > many else "")
