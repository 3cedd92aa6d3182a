"""Documents in JSON with the number of their format: contracts, packages and routes are read alike."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from tasks.errors import EvidenceError


class Versioned(Protocol):
    """A document that says its format."""

    @property
    def protocol(self) -> int:
        """The number of the format."""


Document = TypeVar("Document", bound=Versioned)


def read_versioned(content: bytes, kind: type[Document], *protocols: int) -> Document:
    """Return a document of JSON text, in one of the formats that can be read.

    Raises
    ------
    EvidenceError
        It is no such document, or has an unknown protocol.

    Examples
    --------
    >>> class Note(msgspec.Struct):
    ...     protocol: int
    >>> read_versioned(b'{"protocol": 1}', Note, 1)
    Note(protocol=1)
    >>> read_versioned(b'{"protocol": 2}', Note, 1)
    Traceback (most recent call last):
    tasks.errors.EvidenceError: found a Note of protocol 2; this Leeway reads 1. Install the one that wrote it.
    """
    try:
        document = msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"found no {kind.__name__} ({error}); publish the version again.") from error
    if document.protocol not in protocols:
        readable = " and ".join(map(str, protocols))
        raise EvidenceError(
            f"found a {kind.__name__} of protocol {document.protocol}; this Leeway reads {readable}. "
            "Install the one that wrote it."
        )
    return document
