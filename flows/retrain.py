"""A retraining: assemble the known rows, train candidates, evaluate the best on rows newer than both models."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from importlib.metadata import version
from typing import Any, Literal

import pandas as pd
from prefect import flow, runtime

from flows.loaded_version import Champion
from flows.steps.evaluate_challenger import (
    AS_TASKS,
    EvaluatedChallenger,
    TrainingRequest,
    earlier_holdouts,
    train_and_evaluate,
)
from flows.steps.events import emit_event
from flows.steps.executor import executor
from flows.steps.publish import REPORT, SERIES, show_labels, show_version, write_report
from flows.steps.recorded_spec import record_spec, require_agreement, require_own_name
from flows.steps.training_provenance import as_of, commits, inputs, origin
from flows.steps.version_files import version_files
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.dataset.known_rows import KnownRows, known_rows
from tasks.errors import Conflict, SpecError
from tasks.evaluate import Evidence
from tasks.evaluate.task import analyse_task, examine_intervals
from tasks.features import leaks
from tasks.lake import NIGHT_LEASE, acquire_lease, append_entry, read_entries, read_nights
from tasks.model import model_facts
from tasks.model_card import Request
from tasks.model_card.task import Package, put_up_task
from tasks.notify.task import notify_failure, send_notifications_task
from tasks.records import Entry, RetrainingEntry, suspected_days, suspected_in
from tasks.registry import Basis
from tasks.spec import evidence_digest
from tasks.train import SearchOptions, TrialResult
from tasks.train.task import ReleaseCandidate, refit_task, would_more_help_task
from tasks.upkeep.erasure_record import erasures_since, last_erasure, recorded_erasures
from tasks.validate import label_report

PATIENCE_SECONDS = 86_400.0  # a training is not lost because a night takes long


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']} {given.get('date') or 'tonight'}: retrain"


@flow(name="retrain", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def retrain(project: str, date: Date | None = None, reason: str = "by hand", decision: str = "") -> dict[str, Any]:
    """Train and evaluate a challenger, and register it for approval if it passes the gate.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        Labels that arrived after this night are not used; today when left out.
    reason : str
        Why, for the record and the model card.
    decision : str
        The night's decision that started this; empty when a person did.
    """
    workspace = open_workspace(project, signs=True)
    require_own_name(workspace)
    night = date or clock.tonight(workspace.spec.schedule.time_zone)
    name = decision or f"by-hand/{night.isoformat()}"
    done = [entry for entry in read_entries(workspace.lake, workspace.project, "retraining") if entry.name == name]
    if done:
        return _summary(done[-1])
    record_spec(workspace, night)
    require_agreement(workspace)
    champion, kind = workspace.champion(), _kind(workspace, decision)
    compared, why_not = _comparable(workspace, champion)
    erased = recorded_erasures(workspace.lake, workspace.project)
    read_at = commits(workspace.lake, workspace.project)
    entries = read_entries(workspace.lake, workspace.project)
    suspected = suspected_days(suspected_in(entries, used=workspace.spec.trained_on), night)
    known = known_rows(as_of(workspace, read_at).lake, workspace.spec, workspace.folder, night, suspected)
    report = label_report(known.labelled, workspace.spec, known.ledger)
    leaked = leaks(known.labelled, workspace.spec)
    show_labels(workspace, report, leaked)
    question = TrainingRequest(
        known=known.labelled,
        rows=known.rows,
        night=night,
        champion=compared.model if compared else None,
        trained_until=compared.trained_until if compared else None,
        uses=earlier_holdouts(read_entries(workspace.lake, workspace.project, "retraining"), night),
    )
    job = Job(workspace, night, name, f"{reason}; {why_not}" if why_not else reason, champion, kind, read_at, suspected)
    job = replace(job, erased=erased)
    early = question.too_early(workspace.spec)
    return _finished(workspace, job.put_off(early) if early else _entry_of(job, question, known, report.to_dict()))


def _comparable(workspace: Workspace, champion: Champion | None) -> tuple[Champion | None, str]:
    """Return the champion if it can answer rows of the spec as it is now, or why nothing is compared with it."""
    try:
        workspace.reading_for(champion)
    except SpecError as error:
        return None, f"not compared with the champion, because {error.faults[0].partition('. ')[0]}"
    return champion, ""


def _entry_of(job: Job, question: TrainingRequest, known: KnownRows, labels: dict[str, Any]) -> Entry:
    """Train and evaluate a challenger, and return the entry of its outcome."""
    workspace = job.workspace
    with executor(workspace.spec.compute) as spread:
        proven = train_and_evaluate(
            question,
            workspace.spec,
            workspace.folder,
            spread=spread,
            search=_search_options(workspace, job.name, job.kind),
            steps=AS_TASKS,
        )
    job.require_no_erasure()
    found = {"labels": labels, "without_consent": known.without_consent}
    return job.put_up(known.labelled, proven, found) if proven.evidence.passed else job.refuse(proven)


def _finished(workspace: Workspace, entry: Entry) -> dict[str, Any]:
    """Record an outcome, notify people of it, and emit its event."""
    append_entry(workspace.lake, workspace.project, entry)
    write_report(workspace)
    send_notifications_task(workspace.lake, workspace.spec, entry, read_entries(workspace.lake, workspace.project))
    emit_event(workspace.project, f"challenger.{entry.action}", _summary(entry))
    return _summary(entry)


def _search_options(workspace: Workspace, name: str, kind: str) -> SearchOptions:
    """Return the options of the search: it goes on where an interrupted one stopped, and MLflow shows each trial."""
    if not workspace.spec.training.trials:
        return SearchOptions(kind=kind)
    storage = workspace.home / "search" / f"{workspace.project}.journal"
    storage.parent.mkdir(parents=True, exist_ok=True)

    def on_trial(trial: TrialResult) -> None:
        facts = {"recipe": trial.recipe.name, "status": trial.status, "reason": trial.reason}
        loss = {} if math.isnan(trial.loss) else {"loss": trial.loss}
        numbers = {**loss, "seconds": trial.seconds}
        workspace.registry.log_trial(workspace.project, name, f"trial {trial.number}", params=facts, metrics=numbers)

    return SearchOptions(kind=kind, storage=str(storage), study=name, on_trial=on_trial)


@dataclass(frozen=True)
class Job:
    """One retraining after its candidate has been evaluated."""

    workspace: Workspace
    night: Date
    name: str
    reason: str
    champion: Champion | None
    kind: str
    read_at: dict[str, int]
    suspected: tuple[tuple[Date, Date], ...] = ()
    erased: frozenset[str] = frozenset()

    def require_no_erasure(self) -> None:
        """Refuse to go on with rows of which some were erased since they were read.

        Raises
        ------
        Conflict
            An erasure has begun, or was recorded, since the training read its rows.
        """
        if since := erasures_since(self.workspace.lake, self.workspace.project, self.erased):
            raise Conflict(
                f"rows were erased while this training of {self.workspace.project} ran ({', '.join(since)}), so "
                "nothing is registered; finish the erasure if it was interrupted, then run the training again"
            )

    def put_up(self, known: pd.DataFrame, proven: EvaluatedChallenger, found: dict[str, Any]) -> Entry:
        """Refit the evaluated recipe on all known rows, register it as challenger and ask for approval.

        Parameters
        ----------
        found : dict
            What was found of the rows and labels, for the card.
        """
        spec, number, evidence = self.workspace.spec, self.champion.number if self.champion else None, proven.evidence
        ruler = self.champion.ruler if self.champion else None
        released = refit_task(proven.trained, known, proven.parts.holdout, spec, ruler)
        request = Request(
            spec=spec,
            decision=self.name,
            reason=self.reason,
            kind=self.kind,
            recipe=released.fitted.recipe.name,
            trained_from=released.fitted.trained_from,
            trained_until=released.fitted.trained_until,
            champion=number,
            basis=Basis(
                number,
                self.champion.digest if self.champion else "",
                evidence_digest(spec),
                self.workspace.lake.identity(spec.project),
            ),
            decision_link=self.workspace.registry.series(spec.project, SERIES).link(REPORT),
        )
        package = self._package(released, proven, known, found)
        with acquire_lease(self.workspace.lake, spec.project, NIGHT_LEASE, patience_seconds=PATIENCE_SECONDS) as lease:
            leased = replace(self, workspace=self.workspace.with_lease(lease))
            return leased.register(request, package, evidence)

    def register(self, request: Request, package: Package, evidence: Evidence) -> Entry:
        """Put a version up and record it while no erasure can begin: each sees what the other has done."""
        workspace, project = self.workspace, self.workspace.project
        self.require_no_erasure()
        if (erased := last_erasure(workspace.lake, project)) is not None:
            workspace.registry.withdraw(project, self.name, before=erased)
        added = put_up_task(workspace.registry, request, package)
        signed, address = workspace.registry.signed(added), workspace.registry.link(project, added.number)
        said = f"{evidence.verdict}: {evidence.summary}; to answer: {address}"
        entry = replace(self._entry("registered", f"version {added.number}", said, evidence), digest=signed.digest)
        try:
            self.require_no_erasure()  # the lease may have run out
        except Conflict:
            workspace.registry.withdraw(project, self.name, before=clock.now())
            raise
        append_entry(workspace.lake, project, entry)
        show_version(workspace, added.number, f"trained for {request.decision}")
        return entry

    def _package(
        self, released: ReleaseCandidate, proven: EvaluatedChallenger, known: pd.DataFrame, found: dict[str, Any]
    ) -> Package:
        trained, spec = proven.trained, self.workspace.spec
        files = version_files(released, proven, known, spec)
        training = {
            **files.training,
            "night": self.night.isoformat(),
            "leeway_version": version("leeway"),
            "suspected_days": [[first.isoformat(), last.isoformat()] for first, last in self.suspected],
            **origin(self.workspace, trained, self.read_at),
        }
        return Package(
            model=files.model,
            reference=files.reference,
            answers=files.answers,
            slices=files.slices,
            evidence=files.evidence,
            training=training,
            facts=model_facts(released.fitted.portable),
            inputs=inputs(self.workspace, training["lake_commits"]),
            leaderboard=trained.leaderboard,
            analysis={
                **found,
                "errors": analyse_task(proven.comparison_set, spec).to_dict(),
                "interval": examine_intervals(proven.comparison_set, spec),
                "learning_curve": would_more_help_task(trained, proven.past, spec, proven.learned_on).to_dict(),
                "selection": trained.selection.to_dict() if trained.selection else None,
            },
        )

    def refuse(self, proven: EvaluatedChallenger) -> Entry:
        """Return the entry of a refused challenger, with the reasons."""
        evidence = proven.evidence
        return self._entry("refused", proven.trained.fitted.recipe.name, evidence.refusal, evidence)

    def put_off(self, why: str) -> Entry:
        """Return the entry of a training that did not begin."""
        return self._entry("refused", "no challenger", why, None)

    def _entry(
        self, action: Literal["registered", "refused"], subject: str, reason: str, evidence: Evidence | None
    ) -> RetrainingEntry:
        return RetrainingEntry(
            name=self.name,
            night=self.night,
            time=clock.now(),
            action=action,
            subject=subject,
            reason=reason,
            because=self.reason,
            holdout_start=evidence.start if evidence else None,
            holdout_end=evidence.end if evidence else None,
            evidence=evidence.to_dict() if evidence else {},
        )


def _kind(workspace: Workspace, decision: str) -> str:
    """Return the kind of drift of the night's decision; a training by hand has none."""
    found = [entry for entry in read_nights(workspace.lake, workspace.project) if entry.name == decision]
    return found[-1].drift if found else "by hand"


def _summary(entry: Entry) -> dict[str, Any]:
    return {"action": entry.action, "subject": entry.subject, "reason": entry.reason, "night": entry.night.isoformat()}
