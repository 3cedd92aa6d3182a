"""Runs a rollout: judges what its workers have seen, records what follows, and grants the candidate its share.

The record in the lake is all that is remembered: a step is one entry, and the grant follows from the last one. So a
kill at any moment ends as if nothing had happened, and of two controllers one records a step.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from flows.steps.in_service.rollout_steps import next_step
from tasks.lake import Lake, append_entry
from tasks.promote import UNNAMED, StepTime
from tasks.records import RolloutEntry
from tasks.rollout import NOTHING_SEEN, RolloutStage, RolloutSums, RolloutTerms, RolloutVerdict, harm, judge
from tasks.serve.service_settings import FILE, read_settings
from tasks.serving_store import RolloutGrant, ServingStore
from tasks.serving_store.rollout_grant import LEASE_SECONDS, PROTOCOL
from tasks.serving_store.rollout_ledger import LEDGER_FOLDER, read_sums
from tasks.serving_store.store import next_serial
from tasks.whole_file import private_folder, write_once

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PROMOTION_HOURS = 1.0
"""How long a finished candidate goes on until the promote flow has made it champion."""
SERVICE_FILE = "service_id"


@dataclass(frozen=True)
class PackagePair:
    """The packages of the champion and of the candidate."""

    champion: str
    candidate: str


@dataclass(frozen=True)
class RolloutControl:
    """Runs the rollouts of a project on this service.

    Parameters
    ----------
    lake : Lake
        Has the record.
    store : ServingStore
        Where grants are written, and ledgers are read.
    private : Ed25519PrivateKey
        Signs grants.
    """

    project: str
    lake: Lake
    store: ServingStore
    private: Ed25519PrivateKey

    def end(self) -> None:
        """Let no candidate answer."""
        if self.store.grant_stamp(self.project) is not None:
            self.store.remove_grant(self.project)

    def follow(
        self, last: RolloutEntry, pair: PackagePair, moment: StepTime, withdrawn: Callable[[], str | None]
    ) -> str | None:
        """Take the step that follows on the last one, else grant the share of that one; return the step in words.

        Parameters
        ----------
        withdrawn : callable
            Returns why a person no longer wants the version, or None. It is asked before a grant is written, so that a
            candidate answers nothing while MLflow is away.
        """
        own = service_id(self.store.root)
        if last.action == "started":
            first = replace(last, service=own, slots=read_settings(self.store.root / FILE).workers)
            return self._take(first, RolloutVerdict("advanced", 0.0, "no requests; compared with the champion"), moment)
        if last.service != own:
            self.end()
            return None
        terms, sums = RolloutTerms.from_dict(last.terms), self._sums(last)
        verdict = what_follows(last, terms, sums, moment.time)
        if verdict is not None:
            return self._take(last, verdict, moment, sums)
        grant = self._due_grant(last, terms, pair, moment.time)
        if grant is None:
            return None
        if (why := withdrawn()) is not None:
            return self._take(last, RolloutVerdict("rolled_back", 0.0, why), moment, sums, by=UNNAMED)
        self.store.write_grant(grant, self.private)
        return None

    def _take(
        self,
        last: RolloutEntry,
        verdict: RolloutVerdict,
        moment: StepTime,
        sums: RolloutSums = NOTHING_SEEN,
        by: str = "leeway",
    ) -> str | None:
        if verdict.outcome == "rolled_back":
            self.end()  # before it is recorded: a fault ends at once, also while the lake does not answer
            verdict = replace(verdict, reason=f"{last.subject} cannot be promoted again: {verdict.reason}")
        taken = append_entry(self.lake, self.project, next_step(last, verdict, moment, by, seen=sums))
        return f"{last.subject} {verdict.outcome}: {verdict.reason}" if taken else None

    def _sums(self, last: RolloutEntry) -> RolloutSums:
        return read_sums(self.store.root, self.project, rollout_name(last), last.stage)

    def _due_grant(
        self, last: RolloutEntry, terms: RolloutTerms, pair: PackagePair, now: datetime
    ) -> RolloutGrant | None:
        """Return the grant of a step if it is another one, or a third of the lease has passed."""
        before = self.store.readable_grant(self.project)
        seconds = now.timestamp()
        grant = RolloutGrant(
            protocol=PROTOCOL,
            project=self.project,
            serial=next_serial(now, before),
            rollout=rollout_name(last),
            stage=last.stage,
            champion=pair.champion,
            candidate=pair.candidate,
            version=last.version,
            share=granted_share(last, terms, now),
            entity=terms.entity,
            quota=terms.quota,
            slots=last.slots,
            unit=terms.unit,
            limits=terms.limits,
            not_after=seconds + LEASE_SECONDS,
            salt=rollout_salt(self.store.root, self.project, rollout_name(last)),
        )
        if before is not None and before.not_after - seconds > LEASE_SECONDS * 2 / 3:
            same = msgspec.structs.replace(grant, serial=before.serial, not_after=before.not_after)
            if same == before and before.not_after - seconds <= LEASE_SECONDS:
                return None
        return grant


def what_follows(last: RolloutEntry, terms: RolloutTerms, sums: RolloutSums, now: datetime) -> RolloutVerdict | None:
    """Return the step that follows on the last one; None if it lasts.

    While a person is asked, and until a finished candidate is champion, only harm ends the rollout.
    """
    if last.action == "advanced":
        return judge(terms, RolloutStage(last.share, hours_since(last, now)), sums)
    found = harm(terms, sums)
    return None if found is None else RolloutVerdict("rolled_back", 0.0, found)


def granted_share(last: RolloutEntry, terms: RolloutTerms, now: datetime) -> float:
    """Return the share that a candidate is granted: none after a doubt, if the terms say so."""
    ends = last.action == "doubted" and terms.on_doubt == "end"
    late = last.action == "finished" and hours_since(last, now) > PROMOTION_HOURS
    return 0.0 if ends or late else last.share


def hours_since(last: RolloutEntry, now: datetime) -> float:
    """Return the hours since a step."""
    return (now - last.time).total_seconds() / 3600


def rollout_name(last: RolloutEntry) -> str:
    """Return the name of a rollout: its version and its content."""
    return f"{last.version}-{last.digest[:16]}"


def service_id(root: Path) -> str:
    """Return the name of this serving folder, by which one of several services runs a rollout."""
    return _kept(private_folder(root / LEDGER_FOLDER) / SERVICE_FILE)


def rollout_salt(root: Path, project: str, rollout: str) -> str:
    """Return the secret with which the entities of a rollout are chosen; it is drawn once."""
    return _kept(private_folder(root / LEDGER_FOLDER / project) / f"{rollout}.salt")


def _kept(path: Path) -> str:
    """Return the text of a file, which has a random one from its first reading on."""
    if not path.exists():
        write_once(path, secrets.token_hex(16).encode())
    return path.read_text(encoding="ascii")
