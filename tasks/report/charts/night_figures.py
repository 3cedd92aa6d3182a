"""The project's figures over time: error, bias, rows, automation, and what else its nights recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

from tasks.records import Bounded, Entry, NightEntry, PromotionEntry, RollbackEntry, Statistic
from tasks.render.axes import NightSpan
from tasks.render.heat_map import HeatMap, Strip, draw_heat_map, strips
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart
from tasks.render.pages import render
from tasks.render.sections import ReportTable
from tasks.render.values import counted
from tasks.report.night_readings import strains
from tasks.spec import ProjectSpec

CHANGES = frozenset({"promoted", "rolled_back", "put_back"})
FASTEST = 10
NULLS_FROM = 0.5
NULL_COLUMNS = 10


def error_figure(nights: Sequence[NightEntry], record: Sequence[Entry], spec: ProjectSpec, span: NightSpan) -> str:
    """Return the champion's error: realised with its interval, tolerated, estimated, and changes of champion marked."""
    realised = _finite((night.night, night.performance.loss) for night in nights if night.performance)
    estimates = ((night.night, night.estimated.loss) for night in nights if night.estimated)
    estimated = tuple((night, loss) for night, loss in estimates if math.isfinite(loss))
    if not realised and not estimated:
        return ""
    lines = [_line("realised", "", realised), _limit("tolerated", realised, 1)] if realised else []
    lines += [ChartSeries("estimated, without labels", "guess", estimated)] if estimated else []
    plot = LineChart(
        title=f"Error of the champion ({spec.scope.metric.replace('_', ' ')})",
        caption=_newest(realised, "realised") if realised else "Newest, on {}: estimated {:.4g}".format(*estimated[-1]),
        span=span,
        lines=tuple(lines),
        band=_band(realised),
        marks=changes_drawn(record, span),
        tips=tuple((night, _text(error)) for night, error in realised),
    )
    return draw_line_chart(plot)


def bias_figure(nights: Sequence[NightEntry], record: Sequence[Entry], span: NightSpan) -> str:
    """Return the mean signed error, which counts in both directions, between its two limits."""
    biases = _finite((night.night, night.performance.bias) for night in nights if night.performance)
    if not biases:
        return ""
    plot = LineChart(
        title="Bias (truth minus prediction)",
        caption=_newest(biases, "bias"),
        span=span,
        lines=(_line("bias", "", biases), _limit("tolerated", biases, 1), _limit("", biases, -1)),
        band=_band(biases),
        marks=changes_drawn(record, span),
        tips=tuple((night, _text(bias)) for night, bias in biases),
    )
    return draw_line_chart(plot)


def drift_figure(nights: Sequence[NightEntry], span: NightSpan) -> str:
    """Return the leeway each column used, night by night."""
    found = strips({entry.night: strains(entry) for entry in nights}, span.last)
    if not found:
        return ""
    past = [strip for strip in found if strip.newest(span.last) > 1]
    columns = counted(len(found), "column")
    caption = f"{len(past)} of {columns} used more than the leeway in the newest four weeks" + _named(past)
    note = (
        "Blank: less than half of the leeway, or not among the most moved of that night. The numbers are shares of it."
    )
    return _heat("Drift by column", f"{caption}. {note}", found, nights, span)


def nulls_figure(nights: Sequence[NightEntry], span: NightSpan) -> str:
    """Return the leeway each column's share of nulls used; only the columns in which it ever stirred."""
    tables = {entry.night: strains(entry, Statistic.NULLS) for entry in nights}
    if not any(tables.values()):
        return ""
    found = [strip for strip in strips(tables, span.last) if strip.most >= NULLS_FROM][:NULL_COLUMNS]
    if not found:
        caption = "No column's share of nulls used half of its leeway."
        return render("note.html", title="Nulls", caption=caption, table=None)
    return _heat("Nulls", "How much of its leeway each column's share of nulls used.", found, nights, span)


def volume_figure(nights: Sequence[NightEntry], span: NightSpan) -> str:
    """Return rows accepted and quarantined, a night."""
    accepted = tuple((night.night, float(night.rows)) for night in nights)
    quarantined = tuple((night.night, float(night.rows_quarantined)) for night in nights)
    total, out = sum(night.rows for night in nights), sum(night.rows_quarantined for night in nights)
    share = f"{out:,} quarantined ({out / (total + out) if total + out else 0.0:.1%})"
    plot = LineChart(
        title="Rows a night",
        caption=f"{counted(total, 'row')} accepted in {counted(len(nights), 'night')}, {share}",
        span=span,
        bars=(ChartSeries("accepted", "taken", accepted), ChartSeries("quarantined", "refused", quarantined)),
        tips=tuple(
            (night.night, f"{night.rows:,} accepted, {night.rows_quarantined:,} quarantined") for night in nights
        ),
    )
    return draw_line_chart(plot)


def automation_figure(nights: Sequence[NightEntry], span: NightSpan) -> str:
    """Return the share of rows that the model answered by itself."""
    shares = [(night.night, night.automation.deferred_share) for night in nights if night.automation]
    points = tuple((night, 100 * (1 - share)) for night, share in shares if share is not None)
    if not points:
        return ""
    plot = LineChart(
        title="Automation rate (%)",
        caption=f"{points[-1][1]:.1f} % of the newest night's rows were answered without a person",
        span=span,
        lines=(ChartSeries("answered by the model", "", points),),
        tips=tuple((night, f"{share:.1f} %") for night, share in points),
        includes=(0.0, 100.0),
    )
    return draw_line_chart(plot)


def speed_figure(nights: Sequence[NightEntry]) -> str:
    """Return how quickly the columns past their leeway moved, the fastest of the newest night that measured any."""
    newest = next((night for night in reversed(nights) if night.drift_per_month), None)
    if newest is None:
        return ""
    fastest = sorted(newest.drift_per_month.items(), key=lambda pace: (-abs(pace[1]), pace[0]))[:FASTEST]
    rows = tuple((column, f"{pace:.3g}") for column, pace in fastest)
    table = ReportTable(("column", "distance a month"), rows)
    return render("note.html", title="Data speed", caption=f"The fastest on {newest.night}.", table=table)


def _heat(title: str, caption: str, found: Sequence[Strip], nights: Sequence[NightEntry], span: NightSpan) -> str:
    return draw_heat_map(HeatMap(title, caption, found, [entry.night for entry in nights], span))


def _finite(measured: Iterable[tuple[date, Bounded]]) -> list[tuple[date, Bounded]]:
    """Return the measurements that can be drawn: value and tolerated value are finite."""
    return [(night, bounded) for night, bounded in measured if math.isfinite(bounded.value + bounded.tolerated)]


def _line(name: str, look: str, measured: Sequence[tuple[date, Bounded]]) -> ChartSeries[date]:
    return ChartSeries(name, look, tuple((night, bounded.value) for night, bounded in measured))


def _limit(name: str, measured: Sequence[tuple[date, Bounded]], leeways: int) -> ChartSeries[date]:
    return ChartSeries(name, "limit", tuple((night, bounded.at(leeways)) for night, bounded in measured))


def _band(measured: Sequence[tuple[date, Bounded]]) -> tuple[tuple[date, float, float], ...]:
    return tuple(
        (night, bounded.low, bounded.high)
        for night, bounded in measured
        if math.isfinite(bounded.low) and math.isfinite(bounded.high)
    )


def changes_drawn(record: Sequence[Entry], span: NightSpan) -> tuple[tuple[date, str], ...]:
    """Return the changes of champion within the nights that are drawn, as marks of a chart."""
    changes = champion_changes(record)
    return tuple((entry.night, entry.subject) for entry in changes if span.first <= entry.night <= span.last)


def champion_changes(record: Sequence[Entry]) -> list[PromotionEntry | RollbackEntry]:
    """Return the entries after which another version serves, oldest first."""
    steps = (entry for entry in record if isinstance(entry, PromotionEntry | RollbackEntry))
    return [entry for entry in steps if entry.action in CHANGES]


def _text(bounded: Bounded) -> str:
    return f"{bounded.value:.4g} ({bounded.low:.4g} to {bounded.high:.4g}), tolerated {bounded.tolerated:.4g}"


def _newest(measured: Sequence[tuple[date, Bounded]], what: str) -> str:
    night, bounded = measured[-1]
    return f"Newest, on {night}: {what} {_text(bounded)}"


def _named(past: Sequence[Strip], many: int = 5) -> str:
    if not past:
        return ""
    return ": " + ", ".join(strip.column for strip in past[:many]) + (" and others" if len(past) > many else "")
