"""Incidents that are staged on a project's own deliveries, and what its policy does about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from flows.backtest.engine import run_backtest
from flows.backtest.history import History, history_of, with_features
from flows.backtest.strategy import BacktestResult, Strategy
from flows.backtest.trainer import BacktestTrainer
from tasks.errors import DataError
from tasks.fault_scenarios import INCIDENTS, KEY, NIGHT, Incident, Stage
from tasks.ingest.task import take_in
from tasks.lake import Lake
from tasks.records import Delivery, Landed
from tasks.spec import ProjectSpec
from tasks.validate.task import verdicts

VERDICTS = ("quarantine", "ask", "retrain")
SEEN_WITHIN_DAYS = 35
RETRAINED_WITHIN_DAYS = 91


@dataclass(frozen=True)
class Outcome:
    """What a policy did about an incident.

    Parameters
    ----------
    verdict : str
        quarantine, retrain, ask or ignore: the action within five weeks of the onset (thirteen for a worse model).
    right : bool
        Whether the incident calls for that.
    named : bool
        Whether the decision or the contract named the changed column; True where there is none.
    trained_on_broken : bool
        Whether a model was retrained on broken data that was not noticed.
    result : BacktestResult
        Every night of the policy.
    trainer : BacktestTrainer
        What trained its models; other incidents of the same project may use them.
    """

    name: str
    incident: Incident
    verdict: str
    right: bool
    named: bool
    trained_on_broken: bool
    night: date | None
    result: BacktestResult
    trainer: BacktestTrainer


def stage_of(spec: ProjectSpec, folder: Path, onset: date, *, until: date | None = None) -> Stage:
    """Read everything that has landed for a project, as it was delivered."""
    rows: list[pd.DataFrame] = []
    labels: list[pd.DataFrame] = []
    empty = Lake(str(folder / "nothing-was-taken-in"))  # never written: so everything is new
    for delivery in take_in(empty, spec, folder, until or date.max):
        if isinstance(delivery, Delivery):
            frame = delivery.frame.copy()
            frame[KEY], frame[NIGHT] = delivery.landed.key, delivery.landed.arrival
            (rows if delivery.landed.kind == "rows" else labels).append(frame)
    if not rows:
        raise DataError(f"nothing of {spec.project} has landed; an incident needs deliveries to happen to")
    own_labels = pd.concat(labels, ignore_index=True) if labels else pd.DataFrame()
    return Stage.of(pd.concat(rows, ignore_index=True), own_labels, spec, onset)


def staged(stage: Stage, folder: Path) -> History:
    """Return the history that a stage's deliveries make, with the verdict of the contract on each."""
    validated = verdicts(list(_deliveries(stage)), stage.spec, folder)
    return with_features(history_of(validated, stage.spec), stage.spec, folder)


def play(name: str, stage: Stage, folder: Path, begin: date, earlier: BacktestTrainer | None = None) -> Outcome:
    """Stage an incident, run the project's policy over it, and return what it did.

    Parameters
    ----------
    name : str
        One of `INCIDENTS`.
    begin : date
        The night with the data on which the first model is trained, before the onset.
    earlier : BacktestTrainer, optional
        One of the same project; its first model is used where the history before the onset is the same.
    """
    incident = INCIDENTS[name]
    made = {} if earlier is None else earlier.made
    trainer = BacktestTrainer(staged(incident.happen(stage), folder), folder, made)
    result = run_backtest(Strategy("policy", stage.spec), trainer, begin)
    return outcome_of(name, stage, result, trainer)


def outcome_of(name: str, stage: Stage, result: BacktestResult, trainer: BacktestTrainer) -> Outcome:
    """Return what a policy did about an incident while it was new; a worse model takes longer to show."""
    incident = INCIDENTS[name]
    slow = "retrain" in incident.right
    until = stage.onset + timedelta(days=RETRAINED_WITHIN_DAYS if slow else SEEN_WITHIN_DAYS)
    after = [decision for decision in result.decisions if stage.onset <= decision.night <= until]
    refused = [
        batch.night
        for batch in trainer.history.deliveries.latest()
        if batch.rows_quarantined or batch.verdict == "quarantined"
    ]
    refused = [night for night in refused if stage.onset <= night <= until]
    first: dict[str, date] = {
        str(decision.action): decision.night for decision in reversed(after) if decision.action in VERDICTS
    }
    if refused:
        first["quarantine"] = min([*refused, first.get("quarantine", until)])
    verdict = next((action for action in (*incident.right, *VERDICTS) if action in first), "ignore")
    column = {"number": stage.number, "category": stage.category, "": ""}[incident.about]
    quarantined = [file for files in result.quarantined.values() for file in files]
    reasons = " ".join([*(decision.reason for decision in after), *quarantined])
    return Outcome(
        name=name,
        incident=incident,
        verdict=verdict,
        right=verdict in incident.right,
        named=not column or "ignore" in incident.right or column in reasons or bool(refused),
        trained_on_broken="quarantine" in incident.right and "quarantine" not in first and "retrain" in first,
        night=first.get(verdict),
        result=result,
        trainer=trainer,
    )


def _deliveries(stage: Stage) -> Iterator[Delivery]:
    """Yield the stage's files as deliveries, rows first, each with the night on which it landed."""
    for kind, frame in (("rows", stage.rows), ("labels", stage.labels)):
        if frame.empty:
            continue
        for _, part in frame.groupby([NIGHT, KEY], sort=True):
            night, key = part[NIGHT].iloc[0], str(part[KEY].iloc[0])
            rows = part.drop(columns=[KEY, NIGHT]).reset_index(drop=True)
            landed = Landed("rows" if kind == "rows" else "labels", key, 0, night)
            yield Delivery(f"{kind}/{night}/{key}", landed, rows)
