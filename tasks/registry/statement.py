"""The signed statement of a version: the run it belongs to, and what its evidence is worth.

Tags, aliases and creation times in MLflow can be changed by everyone with access to it. What a promotion rests on is
therefore part of the signed manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Basis:
    """What a training rests on.

    Parameters
    ----------
    champion : int or None
        The number of the version that the challenger was compared with; None if there was no champion.
    champion_digest : str
        The digest of that version's manifest; empty if there was no champion.
    spec_sha256 : str
        The digest of the parts of the spec that give the evidence its meaning: see `tasks.spec.evidence_digest`.
    lake : str
        The identity of the lake with the rows of the training.
    """

    champion: int | None = None
    champion_digest: str = ""
    spec_sha256: str = ""
    lake: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed about a version in addition to its files: its run, the time of signing, and its basis."""

    run_id: str
    signed_at: datetime
    basis: Basis = field(default_factory=Basis)

    def to_dict(self) -> dict[str, Any]:
        """Return the statement as JSON values."""
        return {
            "run_id": self.run_id,
            "signed_at": self.signed_at.isoformat(timespec="microseconds"),
            "champion": self.basis.champion,
            "champion_digest": self.basis.champion_digest,
            "spec_sha256": self.basis.spec_sha256,
            "lake": self.basis.lake,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Statement:
        """Return the statement of JSON values, as `to_dict` gives them."""
        names = ("champion", "champion_digest", "spec_sha256", "lake")
        return cls(
            content["run_id"],
            datetime.fromisoformat(content["signed_at"]),
            Basis(**{name: content[name] for name in names}),
        )


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified manifest.

    Parameters
    ----------
    digest : str
        The sha256 of the manifest, which identifies the content of a version.
    statement : Statement or None
        None for a manifest of protocol 1, which signs the files, the project and the key only.
    """

    digest: str
    statement: Statement | None = None
