"""Lands what a service has seen of a rollout, where it may not write the record; and restores it in an empty home.

The promote flow judges what landed, and records the steps. Changed answers are granted to workers only after their
number has landed as reserved, so that they never exceed the quota, even if the home is lost.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from flows.serving.service_identity import rollout_salt, salt_path, service_id
from tasks.errors import EvidenceError
from tasks.lake import LandingFolder
from tasks.records import RolloutEntry
from tasks.rollout import LandedEvidence, RolloutSums, read_evidence
from tasks.rollout.landed_evidence import MOST_BYTES, PROTOCOL
from tasks.serve.service_settings import FILE, read_settings
from tasks.serving_store.rollout_grant import LEASE_SECONDS
from tasks.serving_store.rollout_ledger import LEDGER_FOLDER, carried_spent, write_carried
from tasks.spec import ProjectSpec
from tasks.whole_file import private_folder, write_once, write_whole

EVERY_SECONDS = LEASE_SECONDS / 3
BLOCK_SHARE = 10
"""Changed answers are reserved by a tenth of the quota; a home that is lost costs at most that many."""


@dataclass(frozen=True)
class RolloutLanding:
    """The evidence of a project's rollouts by this service.

    Parameters
    ----------
    root : Path
        The serving folder, which has a copy of what landed last.
    service : str
        The name of this service, which no other one has at the same time.
    folder : LandingFolder
        Where the evidence lands.
    """

    root: Path
    project: str
    service: str
    folder: LandingFolder

    def restored(self, rollout: str) -> LandedEvidence | None:
        """Return what landed last; in an empty home, first continue what this service has seen in its earlier one.

        Raises
        ------
        EvidenceError
            What landed cannot be read.
        Unreachable
            The store does not respond.
        """
        copy = self._copy(rollout)
        if copy.exists():
            return read_evidence(copy.read_bytes())
        content = self.folder.read(self._key(rollout), MOST_BYTES)
        if content is None:
            return None
        found = read_evidence(content)
        if (found.project, found.rollout, found.service) != (self.project, rollout, self.service):
            raise EvidenceError(f"{self._key(rollout)} in {self.folder.uri} is of another service or rollout.")
        # Each reserved answer may have been sent; which workers refuse the candidate, the new ones say themselves.
        sums = replace(found.sums, spent=max(found.reserved, found.sums.spent), refused=0)
        write_carried(self.root, self.project, rollout, found.stage, sums)
        if found.salt:
            write_once(salt_path(self.root, self.project, rollout), found.salt.encode())
        write_whole(copy, content)
        return found

    def reserved(self, quota: int, sums: RolloutSums, share: float, before: LandedEvidence | None) -> int:
        """Return the most changed answers that may have been sent until the next time: some more before they are used.

        A shadow sends none.

        Parameters
        ----------
        quota : int
            The part of this service.
        sums : RolloutSums
            What it has seen.
        """
        own = max(sums.spent, before.reserved if before is not None else 0)
        block = -(-quota // BLOCK_SHARE)
        if share == 0 or own - sums.spent > block // 2:
            return own
        return max(own, min(quota, sums.spent + block))

    def others(self, last: RolloutEntry, now: datetime, before: LandedEvidence | None) -> list[LandedEvidence]:
        """Return what the other services that run a rollout have landed, as often as this one lands.

        Raises
        ------
        EvidenceError
            What one of them has landed cannot be read, or is gone.
        Unreachable
            The store does not respond.
        """
        is_known = before is not None and before.stage == last.stage and is_recent(before, now)
        return [self._other(last.rollout, name, is_known) for name in last.services if name != self.service]

    def salt(self, last: RolloutEntry, others: Sequence[LandedEvidence]) -> str:
        """Return the secret of a rollout: that of its first service, so that an entity has one version in all."""
        shared = {one.service: one.salt for one in others}
        return shared.get(last.service) or rollout_salt(self.root, self.project, last.rollout)

    def _other(self, rollout: str, service: str, is_known: bool) -> LandedEvidence:
        copy = private_folder(self.root / LEDGER_FOLDER / self.project) / f"{rollout}@{service}.landed"
        if is_known and copy.exists():
            return read_evidence(copy.read_bytes())
        key = f"{rollout}/{service}.json"
        content = self.folder.read(key, MOST_BYTES)
        if content is None:
            raise EvidenceError(f"{key} in {self.folder.uri} is gone; end the rollout with `leeway rollback`.")
        found = read_evidence(content)
        if (found.project, found.rollout, found.service) != (self.project, rollout, service):
            raise EvidenceError(f"{key} in {self.folder.uri} is of another service or rollout.")
        write_whole(copy, content)
        return found

    def land(self, evidence: LandedEvidence, before: LandedEvidence | None) -> None:
        """Land evidence if it is due: another step, stop or reservation, or a third of the lease has passed.

        Raises
        ------
        Unreachable
            The store does not respond; nothing is granted then.
        """
        if before is not None and _same(evidence, before) and is_recent(before, evidence.moment):
            return
        content = evidence.to_json()
        self.folder.write([(self._key(evidence.rollout), content)])
        write_whole(self._copy(evidence.rollout), content)

    def evidence(self, last: RolloutEntry, slots: int, now: datetime) -> LandedEvidence:
        """Return the evidence at a step, without what has been seen."""
        rollout = last.rollout
        return LandedEvidence(
            protocol=PROTOCOL,
            project=self.project,
            rollout=rollout,
            service=self.service,
            stage=last.stage,
            slots=slots,
            at=now.timestamp(),
            salt=rollout_salt(self.root, self.project, rollout),
        )

    def quota(self, rollout: str, reserved: int) -> int:
        """Return how many of the reserved changed answers the workers of this home may send."""
        return reserved - carried_spent(self.root, self.project, rollout)

    def _key(self, rollout: str) -> str:
        return f"{rollout}/{self.service}.json"

    def _copy(self, rollout: str) -> Path:
        return private_folder(self.root / LEDGER_FOLDER / self.project) / f"{rollout}.landed"


def is_recent(before: LandedEvidence, now: datetime) -> bool:
    """Return whether evidence has landed so short a time ago that it need not land again."""
    return 0 <= now.timestamp() - before.at < EVERY_SECONDS


def _same(one: LandedEvidence, other: LandedEvidence) -> bool:
    """Return whether nothing has changed that must land at once."""
    return (one.stage, one.reserved, one.ended) == (other.stage, other.reserved, other.ended)


def rollout_landing(root: Path, spec: ProjectSpec, folder: Path) -> RolloutLanding | None:
    """Return where the evidence of a project's rollouts lands; None where the service records their steps itself."""
    if not read_settings(root / FILE).lands_rollouts:
        return None
    where = LandingFolder(spec.served_uri("rollouts"), spec, folder, os.environ)
    return RolloutLanding(root, spec.project, service_id(root), where)
