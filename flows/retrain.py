"""A retraining: assemble the known rows, train candidates, evaluate the best on rows newer than both models."""

from __future__ import annotations

import math
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from typing import Any

from prefect import flow, runtime

from flows.steps.challengers.challenger_job import ChallengerJob, comparable, earlier_outcome
from flows.steps.challengers.evaluate_challenger import (
    AS_TASKS,
    TrainingRequest,
    earlier_holdouts,
    train_and_evaluate,
)
from flows.steps.challengers.training_provenance import as_of, commits, origin
from flows.steps.executor import executor
from flows.steps.publish import show_labels
from flows.steps.recorded_spec import record_spec, require_agreement, require_own_name
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.dataset.known_rows import KnownRows, known_rows
from tasks.features import leaks
from tasks.lake import read_entries, read_nights
from tasks.notify.task import notify_failure
from tasks.records import Entry, suspected_days, suspected_in
from tasks.train import SearchOptions, TrialResult
from tasks.train.task import refit_task, would_more_help_task
from tasks.upkeep.erasure_record import recorded_erasures
from tasks.validate import label_report


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
    tried = read_entries(workspace.lake, workspace.project, "retraining")
    if (found := earlier_outcome(workspace, tried, name)) is not None:
        return found
    record_spec(workspace, night)
    require_agreement(workspace)
    champion, kind = workspace.champion(), _kind(workspace, decision)
    compared, why_not = comparable(workspace, champion)
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
    why = f"{reason}; {why_not}" if why_not else reason
    job = ChallengerJob(workspace, night, name, why, champion, kind, read_at, suspected, erased)
    early = question.too_early(workspace.spec)
    return job.finished(job.put_off(early) if early else _entry_of(job, question, known, report.to_dict()))


def _entry_of(job: ChallengerJob, question: TrainingRequest, known: KnownRows, labels: dict[str, Any]) -> Entry:
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
    if not proven.evidence.passed:
        return job.refuse(proven)
    trained, spec = proven.trained, workspace.spec
    ruler = job.champion.ruler if job.champion else None
    compared = proven.comparison_set
    released = refit_task(trained, known.labelled, compared.holdout, spec, ruler, compared.crossed)
    found = {
        "labels": labels,
        "without_consent": known.without_consent,
        "learning_curve": would_more_help_task(trained, proven.past, spec, proven.learned_on).to_dict(),
        "selection": trained.selection.to_dict() if trained.selection else None,
    }
    package = job.package(released, proven, known.labelled, origin(workspace, trained), found)
    return job.put_up(released, package, proven.evidence)


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


def _kind(workspace: Workspace, decision: str) -> str:
    """Return the kind of drift of the night's decision; a training by hand has none."""
    found = [entry for entry in read_nights(workspace.lake, workspace.project) if entry.name == decision]
    return found[-1].drift if found else "by hand"
