"""A retraining: assemble what is known, train candidates, prove the best on rows newer than both models, put it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import pandas as pd
from prefect import flow, runtime

from flows.events import tell_prefect
from flows.house import Champion, House, open_house
from flows.spread import workers
from flows.tell import write_report
from tasks import clock
from tasks.drift import to_bytes
from tasks.errors import DataError
from tasks.evaluate import Contest, Evidence
from tasks.evaluate.task import examine
from tasks.features import Parts, holdout_parts, labelled, matured
from tasks.lake import Entry, deliveries, entries, record, standing
from tasks.model import model_files
from tasks.notify.task import tell, tell_failure
from tasks.register import Request
from tasks.register.task import Package, put_up
from tasks.train import Trained, baseline_prediction
from tasks.train.task import Released, choose_and_fit, refit


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
    champion = house.champion()
    known = known_rows(house, night)
    parts = holdout_parts(known, days=house.spec.split.holdout_days, after=champion.trained_until if champion else None)
    learned_on = parts.holdout_from + timedelta(days=house.spec.source.label.delay_days - 1)
    with workers(house.spec.compute) as spread:
        trained = choose_and_fit(parts.past, house.spec, learned_on, spread)
    contest = Contest(
        challenger=trained.fitted.portable,
        champion=champion.model if champion else None,
        holdout=parts.holdout,
        baseline_prediction=baseline_prediction(parts.past, house.spec),
        parity=trained.fitted.parity,
    )
    evidence = examine(contest, house.spec)
    job = Job(house, night, name, reason, champion, _kind(house, decision))
    entry = job.put_up(known, parts, trained, evidence) if evidence.passed else job.refuse(trained, evidence)
    record(house.lake, house.project, entry)
    write_report(house)
    tell(house.lake, house.spec, entry, entries(house.lake, house.project))
    tell_prefect(house.project, f"challenger.{entry.action}", _summary(entry))
    return _summary(entry)


def known_rows(house: House, night: Date) -> pd.DataFrame:
    """Return every released row whose label had arrived by the night, with its features, oldest first.

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
    return house.features(matured(known, spec.matured_until(night)))


@dataclass(frozen=True)
class Job:
    """One retraining, once its candidate has been examined."""

    house: House
    night: Date
    name: str
    reason: str
    champion: Champion | None
    kind: str

    def put_up(self, known: pd.DataFrame, parts: Parts, trained: Trained, evidence: Evidence) -> Entry:
        """Refit the proven recipe on everything known, register it as challenger and ask for approval."""
        spec, number = self.house.spec, self.champion.number if self.champion else None
        ruler = self.champion.reference.total.ruler if self.champion else None
        released = refit(trained, known, parts.holdout, spec, ruler)
        request = Request(
            spec=spec,
            decision=self.name,
            reason=self.reason,
            kind=self.kind,
            recipe=released.fitted.recipe.name,
            trained_from=released.fitted.trained_from,
            trained_until=released.fitted.trained_until,
            champion=number,
        )
        added = put_up(self.house.registry, request, self._package(released, trained, evidence))
        address = self.house.registry.link(spec.project, added.number)
        said = f"{evidence.verdict}: {evidence.summary}; to answer: {address}"
        return self._entry("registered", f"version {added.number}", said, evidence)

    def _package(self, released: Released, trained: Trained, evidence: Evidence) -> Package:
        fitted, project, lake = released.fitted, self.house.project, self.house.lake
        training = {
            "recipe": fitted.recipe.name,
            "rows": fitted.rows,
            "trained_from": fitted.trained_from.isoformat(),
            "trained_until": fitted.trained_until.isoformat(),
            "importances": released.importances,
            "parity": fitted.parity,
            "night": self.night.isoformat(),
            "lake_commits": {table: lake.version(project, table) for table in ("rows", "labels")},
            "leeway_version": version("leeway"),
        }
        return Package(
            model=model_files(fitted.portable),
            reference=to_bytes(released.reference),
            evidence=evidence.to_dict(),
            training=training,
            leaderboard=trained.leaderboard,
        )

    def refuse(self, trained: Trained, evidence: Evidence) -> Entry:
        """Write down that the gate refused, and why."""
        return self._entry("refused", trained.fitted.recipe.name, "; ".join(evidence.reasons), evidence)

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
