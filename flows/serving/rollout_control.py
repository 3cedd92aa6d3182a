"""Runs a rollout: judges what its workers have seen, records what follows, and grants the candidate its share.

The record in the lake is all that is remembered: a step is one entry, and the grant follows from the last one. So a
kill at any moment ends as if nothing had happened, and of two controllers one records a step. A service that may not
write the record lands what was seen; the promote flow records the steps, and this service follows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from flows.serving.rollout_landing import RolloutLanding
from flows.serving.service_identity import ServicePart, part_of, rollout_salt, service_id
from flows.steps.in_service.rollout_steps import hours_since, next_step, starts_after, what_follows
from tasks.errors import Error, EvidenceError
from tasks.lake import Lake, append_entry
from tasks.promote import UNNAMED, StepTime
from tasks.records import RolloutEntry
from tasks.rollout import (
    NOTHING_SEEN,
    GuardrailEvidence,
    LandedEvidence,
    RolloutSums,
    RolloutTerms,
    RolloutVerdict,
    harm,
)
from tasks.rollout.landed_evidence import seen_together
from tasks.serve.service_settings import FILE, read_settings
from tasks.serving_store import RolloutGrant, ServingStore
from tasks.serving_store.rollout_grant import LEASE_SECONDS, PROTOCOL
from tasks.serving_store.rollout_ledger import read_sums
from tasks.serving_store.store import next_serial

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PROMOTION_HOURS = 1.0
"""How long a finished candidate goes on until the promote flow has made it champion."""


@dataclass(frozen=True)
class PackagePair:
    """The packages of the champion and of the candidate."""

    champion: str
    candidate: str


@dataclass(frozen=True)
class ServiceShare:
    """What of a rollout is granted to this service: its part, its changed answers, and the secret of the draw."""

    part: ServicePart
    quota: int
    salt: str


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
    landing : RolloutLanding, optional
        Where the evidence lands if this service may not write the record.
    guardrails : tuple of GuardrailEvidence
        What nights have found of the metrics of the users.
    """

    project: str
    lake: Lake
    store: ServingStore
    private: Ed25519PrivateKey
    landing: RolloutLanding | None = None
    guardrails: tuple[GuardrailEvidence, ...] = ()

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
            return self._take_up(last, own, moment)
        if own not in last.services or (last.others and self.landing is None):
            self.end()  # what several services have seen is judged together, where it lands
            return None
        if self.landing is None:
            return self._follow_recorded(last, pair, moment, withdrawn)
        self._follow_landed(last, pair, moment, (self.landing, withdrawn))
        return None

    def _follow_recorded(
        self, last: RolloutEntry, pair: PackagePair, moment: StepTime, withdrawn: Callable[[], str | None]
    ) -> str | None:
        terms, sums = RolloutTerms.from_dict(last.terms), self._sums(last)
        verdict = what_follows(last, terms, sums, moment.time)
        if verdict is not None:
            return self._take(last, verdict, moment, sums)
        salt = rollout_salt(self.store.root, self.project, last.rollout)
        own = ServiceShare(ServicePart(0, last.slots, last.slots), terms.quota, salt)
        grant = self._due_grant(last, pair, moment.time, own)
        if grant is None:
            return None
        if (why := withdrawn()) is not None:
            return self._take(last, RolloutVerdict("rolled_back", 0.0, why), moment, sums, by=UNNAMED)
        self.store.write_grant(grant, self.private)
        return None

    def _take_up(self, last: RolloutEntry, own: str, moment: StepTime) -> str | None:
        slots = read_settings(self.store.root / FILE).workers
        if self.landing is not None:
            self.landing.land(self.landing.evidence(last, slots, moment.time), self.landing.restored(last.rollout))
            return None
        first = replace(last, service=own, slots=slots)
        return self._take(first, RolloutVerdict("advanced", 0.0, "no requests; compared with the champion"), moment)

    def _follow_landed(
        self,
        last: RolloutEntry,
        pair: PackagePair,
        moment: StepTime,
        where: tuple[RolloutLanding, Callable[[], str | None]],
    ) -> None:
        """End the share at once if that follows; land what was seen; then grant the share of the recorded step.

        Raises
        ------
        EvidenceError
            A person no longer wants the version.
        Unreachable
            Nothing can land, so nothing is granted.
        """
        landing, withdrawn = where
        before = landing.restored(last.rollout)
        terms, sums = RolloutTerms.from_dict(last.terms), self._sums(last)
        others, part = self._others(last, moment, (landing, before), sums), part_of(last, landing.service)
        together = replace(sums + seen_together(others, last.stage), guardrails=sums.guardrails, starts=sums.starts)
        verdict = what_follows(last, terms, together, moment.time)
        is_over = verdict is not None and verdict.outcome == "rolled_back"
        if is_over:
            self.end()
        share = granted_share(last, terms, moment.time)
        reserved = landing.reserved(part.of(terms.quota), sums, share, before)
        seen = msgspec.structs.replace(
            landing.evidence(last, part.slots, moment.time), reserved=reserved, ended=is_over, seen=sums.to_dict()
        )
        own = ServiceShare(part, landing.quota(seen.rollout, reserved), landing.salt(last, others))
        grant = None if is_over else self._due_grant(last, pair, moment.time, own)
        if grant is not None and (why := withdrawn()) is not None:
            self.end()
            raise EvidenceError(f"{last.subject}: {why}; the promote flow ends its rollout.")
        landing.land(seen, before)
        if grant is not None:
            self.store.write_grant(grant, self.private)

    def _others(
        self,
        last: RolloutEntry,
        moment: StepTime,
        where: tuple[RolloutLanding, LandedEvidence | None],
        sums: RolloutSums,
    ) -> list[LandedEvidence]:
        """Return what the other services have landed; if that cannot be read, own sums still end the share."""
        landing, before = where
        try:
            return landing.others(last, moment.time, before)
        except Error:
            if harm(RolloutTerms.from_dict(last.terms), sums) is not None:
                self.end()
            raise

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
        seen = read_sums(self.store.root, self.project, last.rollout, last.stage)
        return replace(seen, guardrails=self.guardrails, starts=starts_after(last))

    def _due_grant(
        self, last: RolloutEntry, pair: PackagePair, now: datetime, own: ServiceShare
    ) -> RolloutGrant | None:
        """Return the grant of a step if it is another one, or a third of the lease has passed."""
        terms = RolloutTerms.from_dict(last.terms)
        before = self.store.readable_grant(self.project)
        seconds = now.timestamp()
        grant = RolloutGrant(
            protocol=PROTOCOL,
            project=self.project,
            serial=next_serial(now, before),
            rollout=last.rollout,
            stage=last.stage,
            champion=pair.champion,
            candidate=pair.candidate,
            version=last.version,
            share=granted_share(last, terms, now),
            entity=terms.entity,
            quota=own.quota,
            slots=own.part.slots,
            unit=terms.unit,
            limits=terms.limits,
            not_after=seconds + LEASE_SECONDS,
            salt=own.salt,
            first_part=own.part.first,
            parts=own.part.parts,
        )
        if before is not None and before.not_after - seconds > LEASE_SECONDS * 2 / 3:
            same = msgspec.structs.replace(grant, serial=before.serial, not_after=before.not_after)
            if same == before and before.not_after - seconds <= LEASE_SECONDS:
                return None
        return grant


def granted_share(last: RolloutEntry, terms: RolloutTerms, now: datetime) -> float:
    """Return the share that a candidate is granted: none after a doubt, if the terms say so."""
    ends = last.action == "doubted" and terms.on_doubt == "end"
    late = last.action == "finished" and hours_since(last, now) > PROMOTION_HOURS
    return 0.0 if ends or late else last.share
