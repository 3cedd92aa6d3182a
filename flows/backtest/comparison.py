"""The results of replayed strategies compared: one line of numbers each, and their error over time as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from flows.backtest.strategy import BacktestResult
from tasks.render import pages
from tasks.render.axes import NightSpan
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart
from tasks.render.sections import ReportTable
from tasks.render.values import counted
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS

ALARMS = {"hold", "ask", "retrain"}
HEADS = ("strategy", "error", "bias", "retrainings", "refused", "nights", "alarms", "quarantines", "questions", "cost")


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
        Mean error and mean signed residual, on all labels.
    cost : float
        Of the trainings and, where the spec prices it, of the error; in the currency of the owner.
    weekly : dict of date to float
        Mean error of each week, by its Monday.
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
    cost: float
    seconds: float
    weekly: dict[date, float]
    retrained_on: tuple[date, ...]


def summarise(result: BacktestResult, seconds: float) -> StrategySummary:
    """Return the numbers of a replayed strategy, measured with all labels of the history."""
    spec = result.strategy.spec
    judged = result.served.dropna(subset="label")
    truth, answer = judged["label"].to_numpy(float), judged["prediction"].to_numpy(float)
    losses, residuals = LOSSES[spec.scope.metric](truth, answer), RESIDUALS[spec.scope.metric](truth, answer)
    passed = [training for training in result.retrainings if training.passed]
    return StrategySummary(
        name=result.strategy.name,
        nights=len(result.decisions),
        alarms=sum(decision.action in ALARMS for decision in result.decisions),
        quarantines=sum(decision.action == "quarantine" for decision in result.decisions),
        questions=sum(decision.action == "ask" for decision in result.decisions),
        retrainings=len(passed),
        refused=len(result.retrainings) - len(passed),
        loss=float(losses.mean()),
        bias=float(residuals.mean()),
        cost=_cost(spec, len(result.retrainings), float(losses.sum())),
        seconds=seconds,
        weekly=_weekly(judged["event_date"], pd.Series(losses, index=judged.index)),
        retrained_on=tuple(training.night for training in passed),
    )


def page(spec: ProjectSpec, lines: Sequence[StrategySummary]) -> str:
    """Return a self-contained page: the numbers of each strategy, and its error over time against never retraining."""
    metric = spec.scope.metric.replace("_", " ")
    return pages.page(
        "backtest_comparison.html",
        title=f"{spec.project}: replayed",
        caption=f"Each strategy, replayed on the history of the project. The error is the {metric}; lower is better.",
        table=ReportTable(HEADS, tuple(map(_row, lines))),
        figures=[draw_line_chart(_chart(line, lines)) for line in lines if line.weekly],
    )


def _row(line: StrategySummary) -> tuple[str, ...]:
    counts = (line.retrainings, line.refused, line.nights, line.alarms, line.quarantines, line.questions)
    return (line.name, f"{line.loss:.4f}", f"{line.bias:+.4f}", *map(str, counts), f"{line.cost:,.0f}")


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


def _cost(spec: ProjectSpec, retrainings: int, loss: float) -> float:
    price = spec.scope.loss_cost_per_row
    return retrainings * spec.scope.training_cost + (0.0 if price is None else price * loss)
