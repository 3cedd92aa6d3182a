"""ServablePackage: what a version needs to answer requests, and requests with answers that it must repeat bit for bit.

PROTOCOL is the number of the format. To change it: raise it, keep reading every older number, and keep a frozen package
of the old format in the tests.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tasks.row_contract.compiled_contract import RowContract, read_contract
from tasks.row_contract.versioned_json import read_versioned

PROTOCOL = 1
PURPOSE = "leeway package of {project}"


class ReferenceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the nightly batch answers for a row; numbers are texts of `float.hex`, which keep every bit."""

    row_id: str
    prediction: str
    score: str
    confidence: str
    deferred: bool
    reasons: str = ""
    probabilities: tuple[str, ...] = ()
    predicted_class: str = ""


class ReferenceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request for one row, and its answer; or the reason codes with which the batch refuses the row.

    `joined` are the columns of the feature tables that the row is given.
    """

    row: dict[str, Any]
    refused: tuple[str, ...] = ()
    answer: ReferenceAnswer | None = None
    joined: dict[str, Any] = {}


class ServablePackage(msgspec.Struct, frozen=True, kw_only=True):
    """A servable version.

    Attributes
    ----------
    version, version_key, version_digest : int, str, str
        Its number, the key that its manifest is about, and the digest of that manifest.
    signed_as : str
        The name that the project had when its manifest was signed; empty if it has it still.
    contract : bytes
        The row contract as JSON.
    references : tuple of ReferenceRequest
        Requests with the answers of the nightly batch.
    """

    protocol: int
    project: str
    version: int
    version_key: str
    version_digest: str
    contract: msgspec.Raw
    references: tuple[ReferenceRequest, ...]
    signed_as: str = ""

    @property
    def row_contract(self) -> RowContract:
        """The row contract."""
        return read_contract(bytes(self.contract))

    @property
    def about(self) -> dict[str, str]:
        """What the manifest of the version is about."""
        return {"project": self.signed_as or self.project, "key": self.version_key}

    def to_json(self) -> bytes:
        """Return the package as JSON; equal packages give equal bytes."""
        return msgspec.json.encode(self)


def read_package(content: bytes) -> ServablePackage:
    """Return the package of JSON text.

    Raises
    ------
    EvidenceError
        It is no package, or has an unknown protocol.
    """
    return read_versioned(content, ServablePackage, PROTOCOL)
