"""The results of replayed strategies compared: one line of numbers each, and their error over time as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from flows.backtest.outcomes import StrategyOutcome, common_rows
from tasks.arrays import DayArray, FloatArray
from tasks.evaluate import compare
from tasks.metrics import AnsweredRows, Measuring, measured_metrics
from tasks.records import MeasuredMetric
from tasks.render import pages
from tasks.render.axes import NightSpan
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart
from tasks.render.sections import ReportTable
from tasks.render.values import counted
from tasks.report import metric_words
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS, decision_costs, weighted_values, weights_of

HEADS = (
    *("strategy", "error", "difference to the best", "bias", "retrainings", "refused", "nights", "alarms"),
    *("quarantines", "questions", "left out", "cost"),
)
CONFIDENCE = 0.95


@dataclass(frozen=True)
class StrategySummary:
    """The result of a strategy.

    Attributes
    ----------
    alarms, quarantines, questions : int
        Nights on which drift was acted on or reported, deliveries were quarantined, or a person was asked.
    retrainings, refused : int
        Trainings that passed the gate, and those that did not.
    loss, bias : float
        Mean error and mean signed residual, on the rows that all strategies have answered.
    left_out : int
        Rows that this strategy answered and another did not.
    behind : (float, float, float)
        How much larger the error is than that of the strategy with the lowest, with its 95 % interval by day.
    cost : float
        Of the trainings and, where the spec prices them, of the error or else of wrong decisions; in the currency of
        the owner.
    weekly : dict of date to float
        Mean error of each week, by its Monday.
    metrics : tuple of MeasuredMetric
        The further metrics of the spec, on the same rows as the error.
    """

    name: str
    nights: int
    alarms: int
    quarantines: int
    questions: int
    retrainings: int
    refused: int
    loss: float
    bias: float
    left_out: int
    behind: tuple[float, float, float]
    cost: float
    seconds: float
    weekly: dict[date, float]
    retrained_on: tuple[date, ...]
    metrics: tuple[MeasuredMetric, ...] = ()

    @property
    def surely_worse(self) -> bool:
        """Whether the error is larger than that of the best strategy by more than chance explains."""
        return self.behind[1] > 0


def summarise(
    outcomes: Sequence[StrategyOutcome], spec: ProjectSpec, folder: Path | None = None
) -> list[StrategySummary]:
    """Return the numbers of replayed strategies, all on the same rows, measured with all labels of the history.

    Parameters
    ----------
    folder : Path, optional
        The project's, with its own metrics; without it no further metric is measured.
    """
    common, metric = common_rows(outcomes), spec.scope.metric
    judged = [outcome.served.set_index("row_id").loc[common] for outcome in outcomes]
    pairs = [(rows["label"].to_numpy(float), _predicted(rows)) for rows in judged]
    weights = [weights_of(rows) for rows in judged]
    losses = [weighted_values(LOSSES[metric](*pair), each) for pair, each in zip(pairs, weights, strict=True)]
    best = min(losses, key=lambda each: float(each.mean()))
    days = judged[0]["event_date"].to_numpy().astype("datetime64[D]")
    return [
        StrategySummary(
            name=outcome.name,
            nights=outcome.nights,
            alarms=outcome.alarms,
            quarantines=outcome.quarantines,
            questions=outcome.questions,
            retrainings=len(outcome.retrained_on),
            refused=outcome.refused,
            loss=float(loss.mean()),
            bias=float(np.average(RESIDUALS[metric](*pair), weights=counted)),
            left_out=len(outcome.served.dropna(subset="label")) - len(common),
            behind=_behind(loss, best, days),
            cost=_cost(spec, outcome.trainings, float(loss.sum()), rows),
            seconds=outcome.seconds,
            weekly=_weekly(rows["event_date"], pd.Series(loss, index=rows.index)),
            retrained_on=outcome.retrained_on,
            metrics=() if folder is None else _metrics(rows, pair, Measuring(spec, CONFIDENCE, folder)),
        )
        for outcome, rows, pair, loss, counted in zip(outcomes, judged, pairs, losses, weights, strict=True)
    ]


def _predicted(rows: pd.DataFrame) -> FloatArray:
    several = "probabilities" in rows
    return np.stack([*rows["probabilities"]]) if several else rows["prediction"].to_numpy(np.float64)


def _metrics(rows: pd.DataFrame, pair: tuple[FloatArray, FloatArray], how: Measuring) -> tuple[MeasuredMetric, ...]:
    truth, prediction = pair
    decided = how.spec.training.task != "regression"
    decision = rows["decision"].to_numpy(float) if decided else prediction
    days = rows["event_date"].to_numpy()
    return measured_metrics(AnsweredRows(truth, prediction, decision, days, weights_of(rows)), how)


def _behind(loss: FloatArray, best: FloatArray, days: DayArray) -> tuple[float, float, float]:
    found = compare(loss, best, days, min_gain=0.0, confidence=CONFIDENCE)
    return found.difference, found.low, found.high


def recommended(lines: Sequence[StrategySummary], spec: ProjectSpec) -> str:
    """Return which strategy to follow, and how sure that is.

    Where the spec prices the error or wrong decisions, it is the one with the lowest cost; else the one with the fewest
    trainings of those with an error that is not surely larger than the lowest.
    """
    if spec.scope.loss_cost_per_row is not None or spec.scope.false_positive_cost is not None:
        choice = min(lines, key=lambda line: line.cost)
        return f"recommended: {choice.name}, with the lowest cost of {choice.cost:,.0f}; {_sureness(choice)}"
    able = [line for line in lines if not line.surely_worse]
    choice = min(able, key=lambda line: (line.retrainings + line.refused, line.alarms, line.loss))
    trainings = counted(choice.retrainings + choice.refused, "training")
    return f"recommended: {choice.name}, with the fewest trainings ({trainings}) of {_able(able)}; {_sureness(choice)}"


def _able(lines: Sequence[StrategySummary]) -> str:
    return f"{counted(len(lines), 'strategy', 'strategies')} without a surely larger error than the lowest"


def _sureness(line: StrategySummary) -> str:
    size, low, high = line.behind
    if not size:
        return "its error is the lowest"
    return f"its error is {size:.4g} above the lowest ({low:+.4g} to {high:+.4g})"


def page(spec: ProjectSpec, lines: Sequence[StrategySummary]) -> str:
    """Return a self-contained page: the numbers of each strategy, and its error over time against never retraining."""
    metric = spec.scope.metric.replace("_", " ")
    return pages.page(
        "backtest_comparison.html",
        title=f"{spec.project}: replayed",
        caption=f"Each strategy, replayed on the history of the project. The error is the {metric} on the rows that "
        f"all strategies have answered; lower is better; {recommended(lines, spec)}.",
        table=ReportTable(HEADS, tuple(map(_row, lines))),
        metrics=metrics_table(lines),
        figures=[draw_line_chart(_chart(line, lines)) for line in lines if line.weekly],
    )


def metrics_table(lines: Sequence[StrategySummary]) -> ReportTable | None:
    """Return the further metrics of each strategy with their intervals; None without any."""
    names = [metric.name for metric in lines[0].metrics] if lines else []
    if not names:
        return None
    return ReportTable(("strategy", *names), tuple((line.name, *map(metric_words, line.metrics)) for line in lines))


def _row(line: StrategySummary) -> tuple[str, ...]:
    counts = (line.retrainings, line.refused, line.nights, line.alarms, line.quarantines, line.questions, line.left_out)
    return (line.name, f"{line.loss:.4f}", behind(line), f"{line.bias:+.4f}", *map(str, counts), f"{line.cost:,.0f}")


def behind(line: StrategySummary) -> str:
    """Return the distance to the best strategy with its interval; nothing for the best."""
    size, low, high = line.behind
    return f"{size:+.4g} ({low:+.4g} to {high:+.4g})" if size else ""


def _chart(line: StrategySummary, lines: Sequence[StrategySummary]) -> LineChart[date]:
    days = sorted({day for other in lines for day in other.weekly})
    never = next((other for other in lines if other.name == "never" and other is not line), None)
    curves = [ChartSeries("never retrained", "limit", tuple(never.weekly.items()))] if never is not None else []
    counts = f"{counted(line.retrainings, 'retraining')}, {counted(line.alarms, 'alarm')}"
    return LineChart(
        title=line.name,
        caption=f"Error by week; mean {line.loss:.4f}. {counts}.",
        span=NightSpan(days[0], days[-1]),
        lines=(*curves, ChartSeries(line.name, "", tuple(line.weekly.items()))),
        marks=tuple((night, "") for night in line.retrained_on if days[0] <= night <= days[-1]),
        mark_name="retraining",
        includes=tuple(loss for other in lines for loss in other.weekly.values()),
    )


def _weekly(event_dates: pd.Series, losses: pd.Series) -> dict[date, float]:
    """Return the mean loss of each week, by its Monday."""
    weeks = event_dates.map(lambda day: day - timedelta(days=day.weekday()))
    mondays: list[date] = sorted(set(weeks))
    return {day: float(losses[weeks == day].mean()) for day in mondays}


def _cost(spec: ProjectSpec, retrainings: int, loss: float, rows: pd.DataFrame) -> float:
    scope, trained = spec.scope, retrainings * spec.scope.training_cost
    if scope.loss_cost_per_row is not None:
        return trained + scope.loss_cost_per_row * loss
    if scope.false_positive_cost is None or scope.false_negative_cost is None:
        return trained
    wrong = decision_costs(rows["label"], rows["decision"], scope.false_positive_cost, scope.false_negative_cost)
    return trained + float(wrong.sum())
