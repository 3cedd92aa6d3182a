"""Incidents staged on a project's own deliveries, and the verdict its policy comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from flows.backtest.engine import BacktestResult, Strategy, run_backtest
from flows.backtest.history import History, history_of, with_features
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
    """What a policy made of an incident.

    Parameters
    ----------
    verdict : str
        quarantine, retrain, ask or ignore: what was done within five weeks of the onset (thirteen for a worse model).
    right : bool
        Whether that is what the incident calls for.
    named : bool
        Whether the column it happened to was named, by the decision or by the contract; True where there is none.
    trained_on_broken : bool
        Whether a model was retrained while broken data was taken for good.
    """

    name: str
    incident: Incident
    verdict: str
    right: bool
    named: bool
    trained_on_broken: bool
    night: date | None
    story: BacktestResult
    bench: BacktestTrainer


def stage_of(spec: ProjectSpec, folder: Path, onset: date, *, until: date | None = None) -> Stage:
    """Read all that ever landed for a project, as it was delivered."""
    rows: list[pd.DataFrame] = []
    labels: list[pd.DataFrame] = []
    with_nothing = Lake(str(folder / "nothing-was-taken-in"))  # never written: so everything is new
    for each in take_in(with_nothing, spec, folder, until or date.max):
        if isinstance(each, Delivery):
            frame = each.frame.copy()
            frame[KEY], frame[NIGHT] = each.landed.key, each.landed.arrival
            (rows if each.landed.kind == "rows" else labels).append(frame)
    if not rows:
        raise DataError(f"nothing of {spec.project} has landed; an incident needs deliveries to happen to")
    apart = pd.concat(labels, ignore_index=True) if labels else pd.DataFrame()
    return Stage.of(pd.concat(rows, ignore_index=True), apart, spec, onset)


def staged(stage: Stage, folder: Path) -> History:
    """Return the history a stage's deliveries make, the contract having judged each."""
    validated = verdicts(list(_deliveries(stage)), stage.spec, folder)
    return with_features(history_of(validated, stage.spec), stage.spec, folder)


def play(name: str, stage: Stage, folder: Path, begin: date, workshop: BacktestTrainer | None = None) -> Outcome:
    """Stage an incident, run the project's policy over it, and judge what it did.

    Parameters
    ----------
    name : str
        One of `INCIDENTS`.
    begin : date
        The night whose knowledge the first model is trained on, before the onset.
    workshop : Workshop, optional
        One of the same project, whose first model is taken where the history before the onset is the same.
    """
    incident = INCIDENTS[name]
    made = {} if workshop is None else workshop.made
    bench = BacktestTrainer(staged(incident.happen(stage), folder), folder, made)
    story = run_backtest(Strategy("policy", stage.spec), bench, begin)
    return judged(name, stage, story, bench)


def judged(name: str, stage: Stage, story: BacktestResult, bench: BacktestTrainer) -> Outcome:
    """Judge what a policy did about an incident while it was new; a worse model takes longer to show."""
    incident = INCIDENTS[name]
    slow = "retrain" in incident.right
    until = stage.onset + timedelta(days=RETRAINED_WITHIN_DAYS if slow else SEEN_WITHIN_DAYS)
    after = [each for each in story.decisions if stage.onset <= each.night <= until]
    refused = [
        batch.night
        for batch in bench.history.deliveries.latest()
        if batch.rows_quarantined or batch.verdict == "quarantined"
    ]
    refused = [night for night in refused if stage.onset <= night <= until]
    first: dict[str, date] = {str(each.action): each.night for each in reversed(after) if each.action in VERDICTS}
    if refused:
        first["quarantine"] = min([*refused, first.get("quarantine", until)])
    verdict = next((each for each in (*incident.right, *VERDICTS) if each in first), "ignore")
    column = {"number": stage.number, "category": stage.category, "": ""}[incident.about]
    said = " ".join([each.reason for each in after] + [kind for kinds in story.quarantined.values() for kind in kinds])
    return Outcome(
        name=name,
        incident=incident,
        verdict=verdict,
        right=verdict in incident.right,
        named=not column or "ignore" in incident.right or column in said or bool(refused),
        trained_on_broken="quarantine" in incident.right and "quarantine" not in first and "retrain" in first,
        night=first.get(verdict),
        story=story,
        bench=bench,
    )


def _deliveries(stage: Stage) -> Iterator[Delivery]:
    """Yield the stage's files as deliveries, rows first, each by the night it landed."""
    for kind, frame in (("rows", stage.rows), ("labels", stage.labels)):
        if frame.empty:
            continue
        for _, part in frame.groupby([NIGHT, KEY], sort=True):
            night, key = part[NIGHT].iloc[0], str(part[KEY].iloc[0])
            plain = part.drop(columns=[KEY, NIGHT]).reset_index(drop=True)
            landed = Landed("rows" if kind == "rows" else "labels", key, 0, night)
            yield Delivery(f"{kind}/{night}/{key}", landed, plain)
