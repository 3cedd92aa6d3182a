"""An adoption: a pipeline that was trained elsewhere is proven, evaluated, and put up for approval like any other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date`, as in the others
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow, runtime

from flows.loaded_version import Champion
from flows.steps.challengers.challenger_job import ChallengerJob, comparable, earlier_outcome
from flows.steps.challengers.evaluate_challenger import (
    EvaluatedChallenger,
    TrainingRequest,
    comparison_set,
    earlier_holdouts,
)
from flows.steps.challengers.training_provenance import as_of, commits
from flows.steps.recorded_spec import record_spec, require_agreement, require_own_name
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.dataset.known_rows import KnownRows, known_rows
from tasks.errors import DataError
from tasks.evaluate.task import examine_task
from tasks.features import Parts
from tasks.lake import read_entries
from tasks.model import MOST_ADOPTED_BYTES
from tasks.notify.task import notify_failure
from tasks.records import Entry, suspected_days, suspected_in
from tasks.train import SeparateAdoption, TrainingResult, baseline_predictions, separate_adoption
from tasks.train.task import release_adopted_task
from tasks.upkeep.erasure_record import recorded_erasures


def _run_name() -> str:
    return f"{runtime.flow_run.parameters['project']}: adopt"


@flow(name="adopt", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def adopt(
    project: str, source: str, trained_until: Date, date: Date | None = None, reason: str = "by hand"
) -> dict[str, Any]:
    """Evaluate a pipeline that was trained elsewhere, and register it for approval if it passes the gate.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    source : str
        A skops file, or the id of a run of the project's MLflow that has one.
    trained_until : date
        The last day of the rows that it was trained on: it is evaluated on later ones.
    date : date, optional
        Labels that arrived after this night are not used; today when left out.
    reason : str
        Why, for the record and the model card.

    Raises
    ------
    DataError
        The file cannot be read safely, does not fit the spec, or there are too few rows to evaluate it on.
    ParityError
        Its export does not predict as it does.
    """
    workspace = open_workspace(project, signs=True)
    require_own_name(workspace)
    night = date or clock.tonight(workspace.spec.schedule.time_zone)
    path, content = _read(workspace, source)
    digest = hashlib.sha256(content).hexdigest()
    name = f"adopted/{night.isoformat()}/{digest[:12]}/{trained_until.isoformat()}"
    entries = read_entries(workspace.lake, workspace.project)
    if (found := earlier_outcome(workspace, entries, name)) is not None:
        return found
    record_spec(workspace, night)
    require_agreement(workspace)
    content_of = {"file": path, "sha256": digest}
    with separate_adoption(path, content, workspace.spec, (workspace.folder, workspace.home)) as pipeline:
        origin = {"adopted": {**content_of, "made_with": pipeline.made_with}}
        return _evaluated(workspace, pipeline, Proposal(night, name, trained_until, reason, origin), entries)


@dataclass(frozen=True)
class Proposal:
    """What is asked for; `name` identifies it in the record, and `origin` says which file it is."""

    night: Date
    name: str
    trained_until: Date
    reason: str
    origin: dict[str, Any]


def _evaluated(
    workspace: Workspace, pipeline: SeparateAdoption, proposal: Proposal, entries: list[Entry]
) -> dict[str, Any]:
    """Evaluate a pipeline that fits the spec, and record what came of it."""
    night = proposal.night
    read_at, erased = commits(workspace.lake, workspace.project), recorded_erasures(workspace.lake, workspace.project)
    suspected = suspected_days(suspected_in(entries, used=workspace.spec.trained_on), night)
    known = known_rows(as_of(workspace, read_at).lake, workspace.spec, workspace.folder, night, suspected)
    champion = workspace.champion(entries)
    compared, why_not = comparable(workspace, champion)
    made_with = pipeline.made_with and f"made with scikit-learn {pipeline.made_with}"
    parts = (proposal.reason, f"adopted from {pipeline.name}", made_with, why_not)
    why = "; ".join(part for part in parts if part)
    job = ChallengerJob(workspace, night, proposal.name, why, champion, "adopted", read_at, suspected, erased)
    adoption = Adoption(job, pipeline, compared, proposal.trained_until, proposal.origin)
    return job.finished(adoption.entry(known, entries))


def _read(workspace: Workspace, source: str) -> tuple[str, bytes]:
    """Return the name and the content of the file; of a run, they come from MLflow."""
    file = Path(source)
    if file.is_file():
        if file.stat().st_size > MOST_ADOPTED_BYTES:
            raise DataError(
                f"{source} has more than {MOST_ADOPTED_BYTES:,} bytes; it is not read. Train a smaller model"
            )
        return file.name, file.read_bytes()
    if file.suffix:
        raise DataError(
            f"found no file {source}; expected a skops file, or the id of a run of {workspace.registry.url}"
        )
    return workspace.registry.skops_of_run(source, MOST_ADOPTED_BYTES)


@dataclass(frozen=True)
class Adoption:
    """A pipeline that fits the spec, before it is evaluated; `origin` says which file it is."""

    job: ChallengerJob
    pipeline: SeparateAdoption
    compared_with: Champion | None
    trained_until: Date
    origin: dict[str, Any]

    def entry(self, known: KnownRows, entries: list[Entry]) -> Entry:
        """Evaluate the pipeline, and return the entry of its outcome."""
        workspace, spec = self.job.workspace, self.job.workspace.spec
        parts = self._parts(known.labelled)
        fitted = self.pipeline.fitted(known.labelled, self.trained_until)
        trained = TrainingResult(fitted, [{"recipe": fitted.recipe.name, "status": "chosen"}], 0.0)
        night, champion = self.job.night, self.compared_with
        request = TrainingRequest(
            known=known.labelled,
            rows=known.rows,
            night=night,
            champion=champion.model if champion else None,
            trained_until=self._seen_until,
            uses=earlier_holdouts(entries, Date.max),  # of any night: a file may be tried as of another day
        )
        baseline = baseline_predictions(parts.past, parts.holdout, spec, workspace.folder)
        compared = replace(comparison_set(request, parts, trained, baseline), folder=workspace.folder)
        evidence = examine_task(compared, spec)
        proven = EvaluatedChallenger(parts, parts.past, night, trained, compared, evidence)
        self.job.require_no_erasure()
        if not evidence.passed:
            return self.job.refuse(proven)
        ruler = self.job.champion.ruler if self.job.champion else None
        released = release_adopted_task(fitted, parts, spec, ruler)
        found = {"without_consent": known.without_consent}
        package = self.job.package(released, proven, parts.holdout, self.origin, found)
        return self.job.put_up(released, package, evidence)

    @property
    def _seen_until(self) -> Date:
        """The last day that it or the champion was trained on."""
        return max(self.trained_until, self.compared_with.trained_until) if self.compared_with else self.trained_until

    def _parts(self, known: pd.DataFrame) -> Parts:
        """Return the rows up to its last training day, and the newest ones that neither it nor the champion has seen.

        Raises
        ------
        DataError
            There are too few of either.
        """
        spec, days = self.job.workspace.spec, known["event_date"]
        until, seen = self.trained_until, self._seen_until
        past, newer = known[days <= until], known[days > seen]
        if len(past) < spec.training.min_rows:
            raise DataError(
                f"found {len(past)} labelled rows up to {until}; expected {spec.training.min_rows} "
                "(training.min_rows), of which the reference of its nights and the baseline are made. Let the history "
                "land first, or correct --trained-until"
            )
        if len(newer) < spec.gate.min_rows:
            who = "it was" if seen == until else "it and the champion were"
            raise DataError(
                f"found {len(newer)} labelled rows after {seen}, the last day that {who} trained on; expected "
                f"{spec.gate.min_rows} (gate.min_rows) to evaluate it on. Wait for labels, or lower gate.min_rows"
            )
        start = max(min(newer["event_date"]), max(newer["event_date"]) - timedelta(days=spec.split.holdout_days - 1))
        return Parts(past, newer[newer["event_date"] >= start], start)
