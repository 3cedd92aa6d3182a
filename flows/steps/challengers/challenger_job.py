"""The end of a challenger's evaluation: it is registered for approval or refused, and the record says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date as Date  # noqa: N812 - as in the flows
from importlib.metadata import version
from typing import Any, Literal

import pandas as pd

from flows.loaded_version import Champion
from flows.steps.challengers.evaluate_challenger import EvaluatedChallenger
from flows.steps.challengers.training_provenance import inputs
from flows.steps.challengers.version_files import version_files
from flows.steps.events import emit_event
from flows.steps.publish import REPORT, SERIES, show_version, write_report
from flows.workspace import Workspace
from tasks import clock
from tasks.errors import Conflict, SpecError
from tasks.evaluate import Evidence
from tasks.evaluate.task import analyse_task, examine_intervals
from tasks.lake import NIGHT_LEASE, acquire_lease, append_entry, read_entries
from tasks.model import model_facts
from tasks.model_card import Request
from tasks.model_card.task import Package, put_up_task
from tasks.notify.task import send_notifications_task
from tasks.records import Entry, RetrainingEntry
from tasks.registry import Basis
from tasks.spec import evidence_digest
from tasks.train.task import ReleaseCandidate
from tasks.upkeep.erasure_record import erasures_since, last_erasure

PATIENCE_SECONDS = 86_400.0  # a training is not lost because a night takes long


@dataclass(frozen=True)
class ChallengerJob:
    """One challenger, trained here or adopted, after it has been evaluated.

    Attributes
    ----------
    name, reason, kind : str
        Of the entry in the record, and why it was made.
    read_at : dict
        The commits of the lake that its rows were read at.
    erased : frozenset of str
        The erasures that were recorded when its rows were read.
    """

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

    def put_up(self, released: ReleaseCandidate, package: Package, evidence: Evidence) -> Entry:
        """Register what was released as challenger and ask for approval."""
        spec, number = self.workspace.spec, self.champion.number if self.champion else None
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

    def package(
        self,
        released: ReleaseCandidate,
        proven: EvaluatedChallenger,
        known: pd.DataFrame,
        origin: Mapping[str, Any],
        found: Mapping[str, Any],
    ) -> Package:
        """Return the files of what was released.

        Parameters
        ----------
        known : DataFrame
            The rows it was fitted on; of an adopted one, those of the lake that its reference is from.
        origin : mapping
            Where it comes from: what a training is repeated from, or the file.
        found : mapping
            What was found of the rows and labels, for the card.
        """
        spec = self.workspace.spec
        files = version_files(released, proven, known, spec)
        training = {
            **files.training,
            "night": self.night.isoformat(),
            "leeway_version": version("leeway"),
            "suspected_days": [[first.isoformat(), last.isoformat()] for first, last in self.suspected],
            "lake_commits": self.read_at,
            **origin,
        }
        return Package(
            model=files.model,
            reference=files.reference,
            answers=files.answers,
            slices=files.slices,
            evidence=files.evidence,
            training=training,
            facts=model_facts(released.fitted.portable),
            inputs=inputs(self.workspace, self.read_at),
            leaderboard=proven.trained.leaderboard,
            analysis={
                **found,
                "errors": analyse_task(proven.comparison_set, spec).to_dict(),
                "interval": examine_intervals(proven.comparison_set, spec),
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

    def finished(self, entry: Entry) -> dict[str, Any]:
        """Record an outcome, notify people of it, and emit its event."""
        append_entry(self.workspace.lake, self.workspace.project, entry)
        found = _announced(self.workspace, entry)
        emit_event(self.workspace.project, f"challenger.{entry.action}", found)
        return found


def earlier_outcome(workspace: Workspace, record: Sequence[Entry], name: str) -> dict[str, Any] | None:
    """Return the outcome of a challenger that is recorded, None for one that is not.

    While it is the newest one it is announced again, for its run may have been killed before that; no recipient is sent
    the same message twice.
    """
    recorded = [entry for entry in record if isinstance(entry, RetrainingEntry)]
    found = [entry for entry in recorded if entry.name == name]
    if not found:
        return None
    return _announced(workspace, found[-1]) if found[-1] == recorded[-1] else _outcome(found[-1])


def _announced(workspace: Workspace, entry: Entry) -> dict[str, Any]:
    """Show a recorded outcome in the report, send notifications of it, and return it."""
    write_report(workspace)
    send_notifications_task(workspace.lake, workspace.spec, entry, read_entries(workspace.lake, workspace.project))
    return _outcome(entry)


def _outcome(entry: Entry) -> dict[str, Any]:
    """Return an entry as a flow returns it."""
    return {"action": entry.action, "subject": entry.subject, "reason": entry.reason, "night": entry.night.isoformat()}


def comparable(workspace: Workspace, champion: Champion | None) -> tuple[Champion | None, str]:
    """Return the champion if it can answer rows of the spec as it is now, or why nothing is compared with it."""
    try:
        workspace.reading_for(champion)
    except SpecError as error:
        return None, f"not compared with the champion, because {error.faults[0].partition('. ')[0]}"
    return champion, ""
