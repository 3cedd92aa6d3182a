"""Leeway's policy behind the interface of a policy bench: a stream of deliveries in, every night's decision out.

    python run.py path/to/tests/bench/policybench_adapter.py:LeewayPolicy

Deliveries go through the contract and the engine of a backtest, which decides with the functions of a real night. The
spec has the defaults of the product, except that few and fast candidates are trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import pandas as pd

from flows.backtest.engine import run_backtest
from flows.backtest.history import history_of
from flows.backtest.strategy import BacktestResult, RetrainSchedule, Strategy
from flows.backtest.trainer import BacktestTrainer
from tasks.records import CorruptOrDrifted, Decision, Delivery, Landed, Matters
from tasks.records.answers import answer_of
from tasks.records.delivery import Kind
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tasks.validate.task import verdicts

SCHEDULES: dict[str, RetrainSchedule] = {
    "frozen": "never",
    "policy": "policy",
    "monthly": "monthly",
    "nightly": "nightly",
}
NOT_FEATURES = {"row_id", "event_date", "t", "arrival"}
LIGHT = {
    "time_treatments": ["all_history", "recency"],
    "half_lives_days": [30.0],
    "iterations": [60],
    "learning_rate": 0.2,
}


class Stream(Protocol):
    """What the bench hands over: rows and labels with their arrival, and the last day known to the first training."""

    name: str
    seed: int
    task: str
    metric: str
    label_delay_days: int
    rows: pd.DataFrame
    labels: pd.DataFrame
    begin: date
    nights: int
    min_labelled: float

    def night(self, number: int) -> date:
        """Return the date of a night."""
        ...


class LeewayPolicy:
    """Plays a stream; the models of the newest stream are kept, so that its other habits need not train them again."""

    def __init__(self) -> None:
        self._newest: tuple[tuple[str, int], ProjectSpec, BacktestTrainer] | None = None

    def play(self, stream: Stream, habit: str) -> tuple[list[dict[str, Any]], pd.DataFrame]:
        """Return what was decided on each night, and what was predicted.

        Parameters
        ----------
        habit : {"frozen", "policy", "monthly", "nightly"}
            When a model is retrained: never, by the policy, every month, or every night.

        Returns
        -------
        nights : list of dict
            `night` (its number), `action`, `columns` (those that are named), `rows` (landed), `scored`, `retrained`.
        served : DataFrame
            `row_id` and `prediction`.
        """
        result = self.run(stream, habit)
        return _nights(stream, result), result.served[["row_id", "prediction"]]

    def run(self, stream: Stream, habit: str) -> BacktestResult:
        """Return the whole story of a habit."""
        spec, trainer = self._prepared(stream)
        nights = [stream.night(number) for number in range(stream.nights)]
        return run_backtest(Strategy(habit, spec, SCHEDULES[habit]), trainer, stream.begin, nights)

    def _prepared(self, stream: Stream) -> tuple[ProjectSpec, BacktestTrainer]:
        key = (stream.name, stream.seed)
        if self._newest is None or self._newest[0] != key:
            spec = spec_of(stream)
            with TemporaryDirectory(prefix="leeway-bench-") as folder:
                (Path(folder) / "expectations.json").write_text(json.dumps({"name": "x", "expectations": []}), "utf-8")
                checked = verdicts(list(_deliveries(stream)), spec, Path(folder))
            self._newest = (key, spec, BacktestTrainer(history_of(checked, spec), Path(folder)))
        return self._newest[1:]


def spec_of(stream: Stream) -> ProjectSpec:
    """Return the spec of a stream: what a user would have to say, and the light recipe."""
    features = [name for name in stream.rows if name not in NOT_FEATURES]
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(stream.rows[name])]
    return ProjectSpec.model_validate(
        {
            "project": "bench-stream",
            "scope": {"owner": "bench", "objective": "A stream.", "metric": stream.metric},
            "source": {
                "uri": "rows",
                "id": ["key"],
                "event_time": "t",
                "arrival": "filename",
                "label": {"column": "label", "uri": "labels", "delay_days": stream.label_delay_days},
            },
            "features": {"numbers": numbers, "categories": [name for name in features if name not in numbers]},
            "training": {"task": "binary" if stream.task == "classification" else "regression", **LIGHT},
            "monitoring": {"cooldown_days": max(Monitoring().cooldown_days, stream.label_delay_days)},
            "gate": {"min_labelled": stream.min_labelled, "max_latency_ms": 10_000},  # the machine is no part of it
        }
    )


def _deliveries(stream: Stream) -> Iterator[Delivery]:
    """Yield the stream as deliveries: the rows of each day, and the labels of each day."""
    parts: tuple[tuple[Kind, pd.DataFrame], ...] = (
        ("rows", stream.rows.drop(columns="event_date")),
        ("labels", stream.labels),
    )
    for kind, frame in parts:
        for day, rows in frame.groupby("arrival", sort=True):
            assert isinstance(day, date)
            content = rows.drop(columns="arrival").rename(columns={"row_id": "key"}).reset_index(drop=True)
            yield Delivery(f"{kind}/{day}", Landed(kind, f"{day}.csv", 0, day), content)


def _nights(stream: Stream, result: BacktestResult) -> list[dict[str, Any]]:
    served = stream.rows["row_id"].isin(set(result.served["row_id"]))
    landed, scored = stream.rows.groupby("arrival").size(), served.groupby(stream.rows["arrival"]).sum()
    trained_on = {training.night for training in result.retrainings}
    return [
        {
            "night": (decision.night - stream.night(0)).days,
            "action": "score" if decision.action == "wait" else decision.action,
            "columns": _columns(decision, result.quarantined.get(decision.night, []), result),
            "rows": int(landed.get(decision.night, 0)),
            "scored": int(scored.get(decision.night, 0)),
            "retrained": decision.night in trained_on,
            "reason": decision.reason,
        }
        for decision in result.decisions
    ]


def _columns(decision: Decision, quarantined: list[str], result: BacktestResult) -> list[str]:
    """Return the columns that a decision names: under suspicion, quarantined, past their leeway, or of a slice."""
    drifted, matters = answer_of(decision.answers, CorruptOrDrifted), answer_of(decision.answers, Matters)
    columns = [column for source in drifted.suspected for column in source.columns] if drifted else []
    words = {word.strip(",") for text in quarantined for word in text.split()}
    columns += [column for column in result.strategy.spec.features.columns if column in words]
    columns += [column for column, strain in drifted.strains.items() if strain > 1] if drifted else []
    columns += [error.column for error in matters.slices if error.strain > 1] if matters else []
    return list(dict.fromkeys(columns))
