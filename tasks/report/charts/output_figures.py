"""The figures of what users see of the answers, by day, and of how often people decide the same."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.records import NightEntry, OutputMetric
from tasks.render.axes import NightSpan
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart


def output_figures(nights: Sequence[NightEntry], span: NightSpan) -> list[str]:
    """Return a figure of each output metric of the newest night; later nights know more feedback of a day."""
    newest = next((night.outputs for night in reversed(nights) if night.outputs), ())
    return [_figure(metric, nights, span) for metric in newest]


def _figure(metric: OutputMetric, nights: Sequence[NightEntry], span: NightSpan) -> str:
    own = [(night.night, one) for night in nights for one in night.outputs if one.name == metric.name]
    by_day = {day.day: day for _, one in own for day in one.days if day.day >= span.first}
    shares = tuple((day, 100 * by_day[day].share) for day in sorted(by_day))
    limits = [(night, one.expected, one.leeway) for night, one in own if one.expected is not None]
    above = tuple((night, 100 * (expected + leeway)) for night, expected, leeway in limits)
    below = tuple((night, max(0.0, 100 * (expected - leeway))) for night, expected, leeway in limits)
    lines = [ChartSeries(metric.name, "", shares)]
    lines += [ChartSeries("tolerated", "limit", above), ChartSeries("", "limit", below)] if limits else []
    plot = LineChart(
        title=f"Output: {metric.name} (% of answered rows)",
        caption=f"Newest window: {metric.sentence}",
        span=span,
        lines=tuple(lines),
        tips=tuple((day, f"{share:.1f} % of {by_day[day].rows:,} rows") for day, share in shares),
    )
    return draw_line_chart(plot)


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
