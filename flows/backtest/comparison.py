"""Replayed strategies beside each other: one line of numbers each, and their error over time as a page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from flows.backtest.engine import BacktestResult
from tasks.render.line_chart import LineChart, NightSpan, drawn
from tasks.render.line_chart import Series as Curve
from tasks.render.stylesheet import STYLE
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS

ALARMS = {"hold", "ask", "retrain"}


@dataclass(frozen=True)
class StrategySummary:
    """What a strategy came to: `weekly` is its mean error by week; `cost` is in the owner's money.

    The cost is that of the retrainings, and, where the spec prices it, of the error beyond the first promise.
    """

    name: str
    nights: int
    alarms: int
    set_aside: int
    asked: int
    retrainings: int
    refused: int
    loss: float
    bias: float
    cost: float
    seconds: float
    weekly: dict[date, float]
    retrained_on: tuple[date, ...]


def compared(story: BacktestResult, labels: pd.DataFrame, seconds: float) -> StrategySummary:
    """Return a story's numbers, judged by every label that ever came."""
    spec = story.strategy.spec
    judged = story.served.merge(labels.drop_duplicates("row_id", keep="last")[["row_id", "label"]], on="row_id")
    truth, answer = judged["label"].to_numpy(float), judged["prediction"].to_numpy(float)
    losses, residuals = LOSSES[spec.scope.metric](truth, answer), RESIDUALS[spec.scope.metric](truth, answer)
    passed = [each for each in story.retrainings if each.passed]
    return StrategySummary(
        name=story.strategy.name,
        nights=len(story.decisions),
        alarms=sum(each.action in ALARMS for each in story.decisions),
        set_aside=sum(each.action == "quarantine" for each in story.decisions),
        asked=sum(each.action == "ask" for each in story.decisions),
        retrainings=len(passed),
        refused=len(story.retrainings) - len(passed),
        loss=float(losses.mean()),
        bias=float(residuals.mean()),
        cost=_cost(spec, len(story.retrainings), float(losses.sum())),
        seconds=seconds,
        weekly=_weekly(judged["event_date"], pd.Series(losses, index=judged.index)),
        retrained_on=tuple(each.night for each in passed),
    )


def page(spec: ProjectSpec, lines: Sequence[StrategySummary]) -> str:
    """Return a self-contained page: the error of each strategy over time beside never retraining."""
    name = html.escape(spec.project)
    figures = "".join(drawn(_plot(spec, line, lines)) for line in lines if line.weekly)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{name}: replayed</title><style>{STYLE}</style><body><h1>{name}: replayed</h1>{figures}</body></html>"
    )


def _plot(spec: ProjectSpec, line: StrategySummary, lines: Sequence[StrategySummary]) -> LineChart:
    days = sorted({day for each in lines for day in each.weekly})
    curves = [Curve(line.name, "line", tuple(line.weekly.items()))]
    never = next((each for each in lines if each.name == "never" and each is not line), None)
    if never is not None:
        curves.append(Curve("never retrained", "limit", tuple(never.weekly.items())))
    metric = spec.scope.metric.replace("_", " ")
    said = f"{metric} by week, {line.loss:.4f} in the mean; {line.retrainings} retrainings, {line.alarms} alarms"
    marks = tuple((night, "retrained") for night in line.retrained_on)
    return LineChart(title=line.name, said=said, span=NightSpan(days[0], days[-1]), lines=tuple(curves), marks=marks)


def _weekly(event_dates: pd.Series, losses: pd.Series) -> dict[date, float]:
    """Return the mean loss of each week, by its Monday."""
    weeks = event_dates.map(lambda day: day - timedelta(days=day.weekday()))
    mondays: list[date] = sorted(set(weeks))
    return {day: float(losses[weeks == day].mean()) for day in mondays}


def _cost(spec: ProjectSpec, retrainings: int, loss: float) -> float:
    price = spec.scope.loss_cost_per_row
    return retrainings * spec.scope.training_cost + (0.0 if price is None else price * loss)
