"""A retraining: assemble what is known, train candidates, prove the best on rows newer than both models, put it up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from importlib.metadata import version
from typing import Any

import pandas as pd
from prefect import flow, runtime

from flows.steps.evaluate_challenger import Proven, Question, prove
from flows.steps.events import tell_prefect
from flows.steps.executor import workers
from flows.steps.publish import REPORT, SERIES, show_labels, write_report
from flows.steps.training_provenance import as_of, commits, inputs, origin
from flows.workspace import Champion, House, open_house
from tasks import clock
from tasks.drift import duplicate_share, to_bytes
from tasks.errors import DataError
from tasks.evaluate import Evidence
from tasks.evaluate.task import analyse
from tasks.features import labelled, leaks, matured
from tasks.lake import Entry, deliveries, entries, record, standing
from tasks.model import model_facts, model_files
from tasks.model_card import Request
from tasks.model_card.task import Package, put_up
from tasks.monitor import slices_to_json
from tasks.monitor import to_json as answers_text
from tasks.notify.task import tell, tell_failure
from tasks.train import Conduct, TrialResult
from tasks.train.task import Released, refit, would_more_help
from tasks.validate import label_report


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']} {given.get('date') or 'tonight'}: retrain"


@flow(name="retrain", flow_run_name=_run_name, on_failure=[tell_failure], on_crashed=[tell_failure])
def retrain(project: str, date: Date | None = None, reason: str = "by hand", decision: str = "") -> dict[str, Any]:
    """Train, prove and put up a challenger.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        The night whose knowledge is used; today when left out. Labels that arrived later are not seen.
    reason : str
        Why, for the record and the model card.
    decision : str
        The night's decision that started this; empty when a person did.
    """
    house = open_house(project)
    night = date or clock.tonight(house.spec.schedule.time_zone)
    name = decision or f"by-hand/{night.isoformat()}"
    done = [entry for entry in entries(house.lake, house.project, "retraining") if entry.name == name]
    if done:
        return _summary(done[-1])
    champion, kind = house.champion(), _kind(house, decision)
    read_at = commits(house.lake, house.project)
    known = known_rows(as_of(house, read_at), night)
    report = label_report(known.labelled, house.spec, known.ledger)
    leaked = leaks(known.labelled, house.spec)
    show_labels(house, report, leaked)
    question = Question(
        known=known.labelled,
        rows=known.rows,
        night=night,
        champion=champion.model if champion else None,
        trained_until=champion.trained_until if champion else None,
        uses=tuple(_earlier_holdouts(house, night)),
    )
    with workers(house.spec.compute) as spread:
        proven = prove(question, house.spec, house.folder, spread=spread, conduct=_conduct(house, name, kind))
    job = Job(house, night, name, reason, champion, kind, read_at)
    entry = (
        job.put_up(known.labelled, proven, labels=report.to_dict()) if proven.evidence.passed else job.refuse(proven)
    )
    record(house.lake, house.project, entry)
    write_report(house)
    tell(house.lake, house.spec, entry, entries(house.lake, house.project))
    tell_prefect(house.project, f"challenger.{entry.action}", _summary(entry))
    return _summary(entry)


@dataclass(frozen=True)
class Known:
    """What is known on a night.

    `labelled` are the released rows whose label had arrived, with their features, oldest first; of `rows`, which are
    all of them, there is `row_id` and `event_date`; `ledger` are the labels as they came.
    """

    labelled: pd.DataFrame
    rows: pd.DataFrame
    ledger: pd.DataFrame


def known_rows(house: House, night: Date) -> Known:
    """Return what is known on a night.

    Raises
    ------
    DataError
        When there are fewer than the spec's `training.min_rows`.
    """
    spec = house.spec
    delivered = deliveries(house.lake, house.project)
    labels = standing(house.lake, house.project, "labels", delivered, columns=["row_id", "label", "arrival"])
    rows = standing(house.lake, house.project, "rows", delivered)
    known = labelled(rows, labels, night, spec.source.label.column)
    if len(known) < spec.training.min_rows:
        raise DataError(
            f"{house.project} has {len(known)} labelled rows on {night}; training.min_rows is "
            f"{spec.training.min_rows}. Take in more (`leeway run nightly {house.project}`) or lower it"
        )
    ledger = labels[labels["arrival"] <= night]
    return Known(house.features(matured(known, spec.matured_until(night))), rows[["row_id", "event_date"]], ledger)


def _earlier_holdouts(house: House, night: Date) -> Iterator[tuple[Date, Date]]:
    """Yield the hold-outs on which earlier challengers were examined: each look at one makes luck likelier."""
    for entry in entries(house.lake, house.project, "retraining"):
        seen = entry.details.get("evidence", {})
        if entry.night < night and seen.get("start") and seen.get("end"):
            yield Date.fromisoformat(seen["start"]), Date.fromisoformat(seen["end"])


def _conduct(house: House, name: str, kind: str) -> Conduct:
    """Return how the search is conducted: it goes on where an interrupted one stopped, and MLflow shows each trial."""
    if not house.spec.training.trials:
        return Conduct(kind=kind)
    storage = house.home / "search" / f"{house.project}.journal"
    storage.parent.mkdir(parents=True, exist_ok=True)

    def on_trial(trial: TrialResult) -> None:
        facts = {"recipe": trial.recipe.name, "status": trial.status, "reason": trial.reason}
        loss = {} if math.isnan(trial.loss) else {"loss": trial.loss}
        numbers = {**loss, "seconds": trial.seconds}
        house.registry.log_trial(house.project, name, f"trial {trial.number}", params=facts, metrics=numbers)

    return Conduct(kind=kind, storage=str(storage), study=name, on_trial=on_trial)


@dataclass(frozen=True)
class Job:
    """One retraining, once its candidate has been examined."""

    house: House
    night: Date
    name: str
    reason: str
    champion: Champion | None
    kind: str
    read_at: dict[str, int]

    def put_up(self, known: pd.DataFrame, proven: Proven, labels: dict[str, Any]) -> Entry:
        """Refit the proven recipe on everything known, register it as challenger and ask for approval."""
        spec, number, evidence = self.house.spec, self.champion.number if self.champion else None, proven.evidence
        ruler = self.champion.reference.total.ruler if self.champion else None
        released = refit(proven.trained, known, proven.parts.holdout, spec, ruler)
        request = Request(
            spec=spec,
            decision=self.name,
            reason=self.reason,
            kind=self.kind,
            recipe=released.fitted.recipe.name,
            trained_from=released.fitted.trained_from,
            trained_until=released.fitted.trained_until,
            champion=number,
            decision_link=self.house.registry.text_link(spec.project, SERIES, REPORT),
        )
        added = put_up(self.house.registry, request, self._package(released, proven, known, labels))
        address = self.house.registry.link(spec.project, added.number)
        said = f"{evidence.verdict}: {evidence.summary}; to answer: {address}"
        return self._entry("registered", f"version {added.number}", said, evidence)

    def _package(self, released: Released, proven: Proven, known: pd.DataFrame, labels: dict[str, Any]) -> Package:
        trained, spec = proven.trained, self.house.spec
        answers, slices = proven.answers(spec), proven.slices(spec)
        fitted = released.fitted
        training = {
            "recipe": fitted.recipe.name,
            "rows": fitted.rows,
            "trained_from": fitted.trained_from.isoformat(),
            "trained_until": fitted.trained_until.isoformat(),
            "importances": released.importances,
            "parity": fitted.parity,
            "repeated_rows": duplicate_share(known[spec.features.columns]),
            "night": self.night.isoformat(),
            "leeway_version": version("leeway"),
            **origin(self.house, trained, self.read_at),
        }
        return Package(
            model=model_files(fitted.portable),
            reference=to_bytes(released.reference),
            answers=None if answers is None else answers_text(answers).encode(),
            slices=None if slices is None else slices_to_json(slices).encode(),
            evidence=proven.evidence.to_dict(),
            training=training,
            facts=model_facts(fitted.portable),
            inputs=inputs(self.house, training["lake_commits"]),
            leaderboard=trained.leaderboard,
            analysis={
                "labels": labels,
                "errors": analyse(proven.contest, spec).to_dict(),
                "learning_curve": would_more_help(trained, proven.past, spec, proven.learned_on).to_dict(),
                "selection": trained.selection.to_dict() if trained.selection else None,
            },
        )

    def refuse(self, proven: Proven) -> Entry:
        """Write down that the gate refused, and why."""
        evidence = proven.evidence
        return self._entry("refused", proven.trained.fitted.recipe.name, "; ".join(evidence.reasons), evidence)

    def _entry(self, action: str, subject: str, reason: str, evidence: Evidence) -> Entry:
        return Entry(
            name=self.name,
            kind="retraining",
            night=self.night,
            time=clock.now(),
            action=action,
            subject=subject,
            reason=reason,
            details={"because": self.reason, "evidence": evidence.to_dict()},
        )


def _kind(house: House, decision: str) -> str:
    """Return the kind of drift the night's decision named; a training nobody decided on has none."""
    found = [entry for entry in entries(house.lake, house.project, "night") if entry.name == decision]
    return found[-1].drift if found else "by hand"


def _summary(entry: Entry) -> dict[str, Any]:
    return {"action": entry.action, "subject": entry.subject, "reason": entry.reason, "night": entry.night.isoformat()}
