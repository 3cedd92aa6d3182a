"""The further metrics of a project over time, a figure each, coverage, and the largest difference between groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from tasks.records import Entry, GroupGap, MeasuredMetric, NightEntry
from tasks.render.axes import NightSpan
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart
from tasks.report.charts.night_figures import changes_drawn
from tasks.report.quality_tables import gap_words, metric_words

MOST_DRAWN = 8


def metric_figures(nights: Sequence[NightEntry], record: Sequence[Entry], span: NightSpan) -> Iterator[str]:
    """Yield a figure for each further metric that the newest nights measured, with its interval."""
    newest = next((night.metrics for night in reversed(nights) if night.metrics), ())
    for name in [metric.name for metric in newest][:MOST_DRAWN]:
        measured = [
            (night.night, metric)
            for night in nights
            for metric in night.metrics
            if metric.name == name and metric.value is not None
        ]
        if measured:
            yield _figure(name, measured, record, span)


def coverage_figures(nights: Sequence[NightEntry], record: Sequence[Entry], span: NightSpan) -> Iterator[str]:
    """Yield a figure of the share of labels inside their intervals, next to the promised one; none without any."""
    measured = [(night.night, night.coverage) for night in nights if night.coverage is not None]
    if not measured:
        return
    night, last = measured[-1]
    least = tuple((night, each.share - each.leeway) for night, each in measured)
    plot = LineChart(
        title="Labels inside their prediction intervals",
        caption=f"Newest, on {night}: {last.sentence}",
        span=span,
        lines=(
            ChartSeries("share inside", "", tuple((night, each.value) for night, each in measured)),
            ChartSeries("least that is tolerated", "limit", least),
        ),
        band=tuple(
            (night, each.low, each.high) for night, each in measured if each.low is not None and each.high is not None
        ),
        marks=changes_drawn(record, span),
        tips=tuple((night, each.sentence) for night, each in measured),
    )
    yield draw_line_chart(plot)


def group_figures(nights: Sequence[NightEntry], record: Sequence[Entry], span: NightSpan) -> Iterator[str]:
    """Yield a figure for each measure of groups: its largest difference, on either side, and the limit."""
    for measure in dict.fromkeys(gap.measure for night in nights for gap in night.fairness):
        largest = []
        for night in nights:
            gaps = [gap for gap in night.fairness if gap.measure == measure]
            if gaps:
                largest.append((night.night, max(gaps, key=lambda gap: abs(gap.difference))))
        yield _group_figure(measure, largest, record, span)


def _group_figure(
    measure: str, largest: Sequence[tuple[date, GroupGap]], record: Sequence[Entry], span: NightSpan
) -> str:
    night, last = largest[-1]
    sizes = ChartSeries("largest difference", "", tuple((night, abs(gap.difference)) for night, gap in largest))
    limits = tuple((night, gap.limit) for night, gap in largest if gap.limit is not None)
    plot = LineChart(
        title=f"Groups: {measure.replace('_', ' ')}",
        caption=f"Newest, on {night}: {gap_words(last)}",
        span=span,
        lines=(sizes, ChartSeries("limit", "limit", limits)) if limits else (sizes,),
        marks=changes_drawn(record, span),
        tips=tuple((night, gap_words(gap)) for night, gap in largest),
        includes=(0.0,),
    )
    return draw_line_chart(plot)


def _figure(
    name: str, measured: Sequence[tuple[date, MeasuredMetric]], record: Sequence[Entry], span: NightSpan
) -> str:
    night, last = measured[-1]
    plot = LineChart(
        title=f"{name.replace('_', ' ')} ({'higher' if last.higher_is_better else 'lower'} is better)",
        caption=f"Newest, on {night}: {metric_words(last)}",
        span=span,
        lines=(ChartSeries(name, "", tuple((night, one.value) for night, one in measured if one.value is not None)),),
        band=tuple(
            (night, one.low, one.high) for night, one in measured if one.low is not None and one.high is not None
        ),
        marks=changes_drawn(record, span),
        tips=tuple((night, metric_words(one)) for night, one in measured),
    )
    return draw_line_chart(plot)
