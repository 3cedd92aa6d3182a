"""What a landing place shows: stored objects and their keys, and which keys are deliveries at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

UNFINISHED = (".tmp", ".part")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing: its key relative to the landing place, parted by `/`, and when it was last written.

    `modified` carries its time zone.
    """

    key: str
    size_bytes: int
    modified: datetime

    @property
    def stamp(self) -> str:
        """What changes when the object is written again: its size and the moment of writing."""
        return f"{self.size_bytes}@{self.modified.astimezone(UTC).isoformat()}"


class LandingPlace(Protocol):
    """Where others write and Leeway only reads."""

    def list(self) -> list[StoredObject]:
        """Return every delivery of the place, and the markers the spec asks for, in the order of their keys."""
        ...

    def read(self, key: str) -> bytes:
        """Return the whole content of one object."""
        ...

    def copy(self, listed: StoredObject, out: BinaryIO) -> str:
        """Write one object as it was listed to an empty file, verified; return the sha256 of its content.

        Raises
        ------
        Conflict
            When the object is gone, or is not what the listing showed any more: it belongs to a later look.
        """
        ...


def is_delivery(key: str, marker: str | None = None) -> bool:
    """Tell whether a key names a delivery: no part hidden or private, and not still being written.

    Examples
    --------
    >>> [is_delivery(key) for key in ("2014/05.csv", ".DS_Store", "_temporary/05.csv", "05.csv.part")]
    [True, False, False, False]
    >>> is_delivery("2014/_SUCCESS", "_SUCCESS")  # asked for, so it is listed
    True
    """
    folders, name = _parts(key)[:-1], key.rsplit("/", maxsplit=1)[-1]
    if any(part.startswith((".", "_")) for part in folders):
        return False
    return is_marker(key, marker) or not (name.startswith((".", "_")) or name.lower().endswith(UNFINISHED))


def is_marker(key: str, marker: str | None) -> bool:
    """Tell whether a key says that a delivery is complete: by its name, or by its ending if the marker has a dot first.

    Examples
    --------
    >>> [is_marker("05/_SUCCESS", "_SUCCESS"), is_marker("05.csv.done", ".done"), is_marker("05.csv", None)]
    [True, True, False]
    """
    if marker is None:
        return False
    return key.endswith(marker) if marker.startswith(".") else key.rsplit("/", maxsplit=1)[-1] == marker


def is_safe(key: str) -> bool:
    r"""Tell whether a key stays inside the place it is relative to, wherever it is used as a path.

    Stores accept any key, `q/../../etc/passwd` too.

    Examples
    --------
    >>> [is_safe(key) for key in ("2014/05.csv", "../05.csv", "/etc/passwd", "a//b.csv", "a\\b.csv", "a\nb.csv")]
    [True, False, False, False, False, False]
    """
    return "\\" not in key and key.isprintable() and not any(part in {"", ".", ".."} for part in key.split("/"))


def _parts(key: str) -> list[str]:
    return [part for part in key.split("/") if part not in {"", ".", ".."}]
