"""What a night measured of the champion's answers next to the one metric, and next to what people decide."""

from __future__ import annotations

from tasks.records import ComparedRows, GroupGap, MeasuredMetric, NightEntry, SliceCoverage, SureMean
from tasks.render.sections import ReportTable, Section
from tasks.render.values import counted, interval, number

GAPS_SHOWN = 12
PEOPLE_HEADS = (
    "rows",
    "decided by both",
    "the same",
    "known",
    "people wrong",
    "model wrong",
    "model right where one was",
)


def other_metrics(night: NightEntry) -> Section:
    """Return the further metrics of the newest labelled cohort with their intervals; no lines without any."""
    rows = tuple(_metric_cells(metric) for metric in night.metrics)
    heads = ("metric", "value", "interval", "better")
    lines = tuple(f"{metric.name}: {metric.fault}" for metric in night.metrics if metric.fault)
    return Section("Other metrics", lines, ReportTable(heads, rows) if rows else None)


def interval_coverage(night: NightEntry) -> Section:
    """Return how many labels were inside their prediction intervals, by slice too; no lines without intervals.

    Slices past their leeway are first, then those with the smallest share.
    """
    lines = () if night.coverage is None else (night.coverage.sentence,)
    ranked = sorted(night.slice_coverage, key=lambda one: (not one.coverage.is_past_leeway, one.coverage.value))
    past = tuple(one.sentence for one in ranked if one.coverage.is_past_leeway)
    rows = tuple(_slice_cells(one) for one in ranked[:GAPS_SHOWN])
    heads = ("slice", "rows", "inside", "interval", "promised", "mean width")
    return Section("Prediction intervals", lines + past, ReportTable(heads, rows) if rows else None)


def _slice_cells(one: SliceCoverage) -> tuple[str, ...]:
    found = one.coverage
    numbers = (number(found.value), interval(found.low, found.high), number(found.share), number(found.width))
    return one.where, f"{found.rows:,}", *numbers


def _metric_cells(metric: MeasuredMetric) -> tuple[str, str, str, str]:
    """Return a metric as the cells of a table.

    >>> _metric_cells(MeasuredMetric("roc_auc", True, 0.75, 0.7, 0.8))
    ('roc_auc', '0.75', '0.7 to 0.8', 'higher')
    """
    better = "higher" if metric.higher_is_better else "lower"
    return metric.name, number(metric.value), interval(metric.low, metric.high), better


def metric_words(metric: MeasuredMetric) -> str:
    """Return the value of a metric with its interval, where it has one.

    >>> metric_words(MeasuredMetric("roc_auc", True, 0.75, 0.7, 0.8)), metric_words(MeasuredMetric("r2", True, 0.5))
    ('0.75 (0.7 to 0.8)', '0.5')
    """
    known = metric.low is not None and metric.high is not None
    return f"{number(metric.value)} ({interval(metric.low, metric.high)})" if known else number(metric.value)


def group_differences(night: NightEntry) -> Section:
    """Return the differences between groups: those past their limit, then the largest of each measure."""
    gaps = sorted(night.fairness, key=lambda gap: (not gap.is_past_limit, gap.measure, -abs(gap.difference)))
    past = [gap for gap in gaps if gap.is_past_limit]
    rows = tuple(_gap_cells(gap) for gap in gaps[:GAPS_SHOWN])
    heads = ("group", "measure", "rows", "value", "others", "difference", "limit")
    lines = [f"{gap_words(gap)}, past its limit of {number(gap.limit)}" for gap in past]
    if any(gap.limit is not None for gap in gaps) and not past:
        lines.append("no difference is surely past its limit")
    if len(gaps) > GAPS_SHOWN:
        lines.append(f"the {GAPS_SHOWN} largest of {counted(len(gaps), 'difference')}")
    return Section("Differences between groups", tuple(lines), ReportTable(heads, rows) if rows else None)


def gap_words(gap: GroupGap) -> str:
    """Return a difference in words.

    >>> gap_words(GroupGap("town", "Ely", "error", 90, 2.0, 1.5, 0.5, 0.25, 0.75))
    'error of town = Ely: 2, of the others 1.5, difference 0.5 (0.25 to 0.75)'
    """
    name, difference = gap.measure.replace("_", " "), _with_interval(gap)
    values = f"{number(gap.value)}, of the others {number(gap.others)}"
    return f"{name} of {gap.column} = {gap.group}: {values}, difference {difference}"


def _gap_cells(gap: GroupGap) -> tuple[str, ...]:
    return (
        f"{gap.column} = {gap.group}",
        gap.measure.replace("_", " "),
        f"{gap.rows:,}",
        number(gap.value),
        number(gap.others),
        _with_interval(gap),
        "" if gap.limit is None else number(gap.limit),
    )


def _with_interval(gap: GroupGap) -> str:
    return f"{number(gap.difference)} ({interval(gap.low, gap.high)})"


def people_section(night: NightEntry) -> Section:
    """Return how people and the model decided the same rows, for all of them and by slice; no lines without any."""
    found, audit = night.people, night.audit
    held = [] if audit is None else [f"degree of automation: {audit.sentence}"]
    if found is None:
        return Section("People and the model", tuple(held))
    lines = [*held, f"{found.sentence} ({found.since} to {found.until}, without the answer in view)"]
    if found.shown_agreement is not None:
        same = found.shown_agreement.words(is_share=True)
        lines.append(f"{found.shown_rows:,} more rows were decided with the answer in view: the same on {same}")
    rows = tuple(_compared_cells(part, is_share=found.are_shares) for part in (found.hidden, *found.slices))
    return Section("People and the model", tuple(lines), ReportTable(PEOPLE_HEADS, rows))


def _compared_cells(part: ComparedRows, *, is_share: bool) -> tuple[str, ...]:
    """Return compared rows as the cells of a table.

    >>> _compared_cells(ComparedRows("site = B", 40, SureMean(0.5, 0.25, 0.75)), is_share=True)[:4]
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
