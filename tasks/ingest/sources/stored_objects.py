"""The objects of a landing zone, and which of their keys are deliveries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Literal, Protocol, TypeAlias

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", ".lock")
RUBBISH = ("thumbs.db", "desktop.ini")  # of file managers
FileFault: TypeAlias = Literal["file_name", "file_missing", "file_too_large", "file_digest"]
"""Why a file that a row names cannot be used."""
BLOCK_BYTES = 2**20
LONGEST_KEY, LONGEST_PART = 512, 255  # bytes
FOLDER_MARKER = "_$folder$"  # of Hadoop, for a folder in a bucket


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing: its key relative to the landing zone, with `/`, its size and the time of writing.

    `modified` has a time zone.
    """

    key: str
    size_bytes: int
    modified: datetime

    @property
    def stamp(self) -> str:
        """A text that changes when the object is written again: its size and the time of writing."""
        return f"{self.size_bytes}@{self.modified.astimezone(UTC).isoformat()}"


class DeliverySource(Protocol):
    """The store of a landing zone: other systems write to it, Leeway only reads."""

    def list(self) -> list[StoredObject]:
        """Return all deliveries, and the markers that the spec names, in the order of their keys."""
        ...

    def unfollowed(self) -> tuple[str, ...]:
        """Return the keys of links that are not followed, so that what they lead to is not listed."""
        ...

    def read(self, key: str) -> bytes:
        """Return the whole content of one object."""
        ...

    def copy(self, listed: StoredObject, out: BinaryIO) -> str:
        """Write one object, as it was listed, to an empty file, verified; return the sha256 of its content.

        Raises
        ------
        Conflict
            When the object is gone, or was written since it was listed: a later night takes it in.
        """
        ...


class FileStore(Protocol):
    """Where the files are that rows name."""

    def read_file(self, name: str, most_bytes: int) -> bytes | FileFault:
        """Return the content of a file that a row names, or why it cannot be used; no more than that is read."""
        ...


def copied(content: BinaryIO, out: BinaryIO) -> str:
    """Copy what is left of a file block by block; return the sha256 of it.

    >>> from io import BytesIO
    >>> copied(BytesIO(b"a"), out := BytesIO())[:8], out.getvalue()
    ('ca978112', b'a')
    """
    digest = hashlib.sha256()
    while block := content.read(BLOCK_BYTES):
        out.write(block)
        digest.update(block)
    return digest.hexdigest()


def is_delivery(key: str, marker: str | None = None) -> bool:
    """Return whether a key names a delivery: no part of it is hidden or private, and it is not being written.

    Files that programs leave next to deliveries are none: `Thumbs.db`, `~$x.xlsx`, `05_$folder$`.

    Examples
    --------
    >>> [is_delivery(key) for key in ("2014/05.csv", ".DS_Store", "_temporary/05.csv", "05.csv.part", "~$05.csv")]
    [True, False, False, False, False]
    >>> is_delivery("2014/_SUCCESS", "_SUCCESS")  # named by the spec, so it is listed
    True
    """
    folders, name = _parts(key)[:-1], key.rsplit("/", maxsplit=1)[-1]
    if any(part.startswith((".", "_")) for part in folders):
        return False
    private = name.startswith((".", "_", "~$")) or name.endswith(FOLDER_MARKER) or name.lower() in RUBBISH
    return is_marker(key, marker) or not (private or name.lower().endswith(UNFINISHED))


def is_marker(key: str, marker: str | None) -> bool:
    """Return whether a key marks a delivery as complete: by its name, or by its ending if the marker starts with a dot.

    Examples
    --------
    >>> [is_marker("05/_SUCCESS", "_SUCCESS"), is_marker("05.csv.done", ".done"), is_marker("05.csv", None)]
    [True, True, False]
    """
    if marker is None:
        return False
    return key.endswith(marker) if marker.startswith(".") else key.rsplit("/", maxsplit=1)[-1] == marker


def is_safe(key: str) -> bool:
    r"""Return whether a key, used as a relative path, stays inside its folder.

    Stores accept any key, such as `q/../../etc/passwd`.

    Examples
    --------
    >>> [is_safe(key) for key in ("2014/05.csv", "../05.csv", "/etc/passwd", "a//b.csv", "a\\b.csv", "a\nb.csv")]
    [True, False, False, False, False, False]
    """
    return "\\" not in key and key.isprintable() and not any(part in {"", ".", ".."} for part in key.split("/"))


def is_file_name(name: str) -> bool:
    r"""Return whether a row may name a file so: relative, inside of its folder, and not longer than stores allow.

    Examples
    --------
    >>> [is_file_name(name) for name in ("line-2/7.png", "../7.png", "/etc/passwd", "", "a" * 256, "a/" * 300 + "b")]
    [True, False, False, False, False, False]
    """
    parts = [part.encode(errors="replace") for part in name.split("/")]
    return is_safe(name) and sum(map(len, parts)) + len(parts) <= LONGEST_KEY and max(map(len, parts)) <= LONGEST_PART


def _parts(key: str) -> list[str]:
    return [part for part in key.split("/") if part not in {"", ".", ".."}]
