"""The state that a promotion is planned from: the registry, the decision record, and verified manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.promote.rules import Proof, Standing
from tasks.records import ChampionRecord, RecordedVersion, RolloutEntry
from tasks.registry.mlflow_names import BARRED
from tasks.registry.versions import Version


@dataclass(frozen=True, slots=True)
class RegistryState:
    """The state that a plan is made from.

    Parameters
    ----------
    versions : sequence of Version
        All versions of the project, with their aliases. What their tags say about promotions is not believed.
    record : ChampionRecord
        What the decision record in the lake says about versions.
    proofs : mapping of int to Proof
        The verified evidence of the versions that are `asking` or `answered`.
    lake : str
        The identity of the lake.
    account : str, optional
        Leeway's own account, if MLflow has authentication; an approval must then be that of another account.
    champion_proof : Proof, optional
        The champion's files; None if they were not read.
    rollouts : sequence of RolloutEntry
        The last step of each rollout, the newest last.
    """

    versions: Sequence[Version]
    record: ChampionRecord = field(default_factory=ChampionRecord)
    proofs: Mapping[int, Proof] = field(default_factory=dict)
    lake: str = ""
    account: str | None = None
    champion_proof: Proof | None = None
    rollouts: Sequence[RolloutEntry] = ()

    @property
    def aliases(self) -> dict[str, int]:
        """The version number of each alias."""
        return {alias: version.number for version in self.versions for alias in version.aliases}

    @property
    def champions(self) -> list[RecordedVersion]:
        """The recorded champion and those before it that the registry still has, newest first."""
        return self.record.champions({version.number for version in self.versions})

    @property
    def champion(self) -> int | None:
        """The recorded champion, or the one before it if that version was deleted or barred."""
        return next((champion.number for champion in self.champions), None)

    @property
    def champion_digest(self) -> str:
        """The champion's digest, as recorded, or as read if an earlier version of Leeway did not record it."""
        recorded = next((champion.digest for champion in self.champions), "")
        return recorded or (self.champion_proof.digest if self.champion_proof else "")

    @property
    def champion_fault(self) -> str | None:
        """Why the champion's files cannot be verified; None if they were verified or not read."""
        return self.champion_proof.fault if self.champion_proof else None

    @property
    def previous(self) -> int | None:
        """The version that was champion before the champion."""
        others = [champion.number for champion in self.champions[1:]]
        return others[0] if others else None

    def version(self, number: int | None) -> Version | None:
        """Return a version by its number; None if there is none."""
        return next((version for version in self.versions if version.number == number), None)

    def digest(self, number: int | None) -> str:
        """Return the verified digest of a version, or the recorded one; empty if neither is known."""
        if number is None:
            return ""
        proof = self.proofs.get(number)
        read = proof.digest if proof else self.champion_digest if number == self.champion else ""
        return read or self.record.digest(number)

    def standing(self, version: Version) -> Standing:
        """Return what a version is compared with."""
        proof, record = self.proofs.get(version.number), self.record
        asked = [
            digests[version.number] for digests in (record.requested, record.approved) if version.number in digests
        ]
        return Standing(
            champion=self.champion,
            champion_digest=self.champion_digest,
            lake=self.lake,
            bar=record.bar(version.number, proof.digest if proof else ""),
            twin=self.twin(version),
            asked_digests=frozenset(asked),
        )

    def twin(self, version: Version) -> int | None:
        """Return an older version of the same run, or the version that its digest is recorded for."""
        older = [one.number for one in self.versions if one.number < version.number and one.run_id == version.run_id]
        proof = self.proofs.get(version.number)
        recorded = self.record.number_of(proof.digest) if proof else None
        return min(older) if older else None if recorded == version.number else recorded

    def contenders(self) -> list[Version]:
        """Return all versions except the champion and earlier champions, newest first."""
        champions = {champion.number for champion in self.record.champions()}
        newest_first = sorted(self.versions, key=lambda version: -version.number)
        return [version for version in newest_first if version.number not in champions]

    def open_contenders(self) -> list[Version]:
        """Return the contenders that are not known to be barred."""
        return [version for version in self.contenders() if BARRED not in version.tags]
