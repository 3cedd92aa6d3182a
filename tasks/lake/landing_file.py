"""Files that Leeway puts into a landing zone: answers of people, and what the prediction service lands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tasks.errors import Terminal, Unreachable
from tasks.lake.object_files import listed, read_object, s3_options, write_object
from tasks.spec import ProjectSpec
from tasks.whole_file import private_folder


@dataclass(frozen=True)
class LandingFolder:
    """A landing zone that Leeway itself writes to.

    Parameters
    ----------
    uri : str
        A folder, `file:///folder` or `s3://bucket/prefix`.
    spec : ProjectSpec
        For the address of an S3-compatible store.
    folder : Path
        The folder of project.yaml, which a relative address is resolved against.
    environ : mapping of str to str
        For the usual AWS variables.
    """

    uri: str
    spec: ProjectSpec
    folder: Path
    environ: Mapping[str, str]

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files in their order; each appears complete, under its name, and only its owner can read it.

        Raises
        ------
        Unreachable
            The landing zone does not respond.
        """
        for key, content in files:
            try:
                self._write(key, content)
            except OSError as error:
                raise Unreachable(f"writing {key} to {self.uri} failed: {error}; is the store up?") from error

    def require_writable(self) -> None:
        """Raise if this is a folder that cannot be written to; it is made if it is missing.

        Raises
        ------
        Terminal
            Such as on a disk that is mounted to be read only.
        """
        if self.uri.startswith("s3://"):
            return
        try:
            private_folder(self._local)
            reason = "" if os.access(self._local, os.W_OK) else "it may only be read"
        except OSError as error:
            reason = error.strerror or type(error).__name__
        if reason:
            raise Terminal(
                f"{self.uri} in {self.folder} cannot be written to ({reason}), so nothing would land there; name a "
                "folder that can, or s3://bucket/prefix"
            )

    @property
    def _local(self) -> Path:
        path = unquote(urlsplit(self.uri).path) if self.uri.startswith("file://") else self.uri
        return (self.folder / path).absolute()

    def read(self, key: str, most_bytes: int) -> bytes | None:
        """Return a file that was written here; None if there is none.

        Raises
        ------
        EvidenceError
            It is larger than what is ever written.
        Unreachable
            The landing zone does not respond.
        """
        root, options, virtual = self._place
        try:
            return read_object(root, options, key, virtual_addressing=virtual, most_bytes=most_bytes)
        except OSError as error:
            raise Unreachable(f"reading {key} from {self.uri} failed: {error}; is the store up?") from error

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder below this one, in alphabetical order; none without the folder.

        Raises
        ------
        Unreachable
            The landing zone does not respond.
        """
        root, options, virtual = self._place
        found = listed(f"{root}/{folder}", options, virtual_addressing=virtual)
        return sorted(each.base_name for each in found if each.is_file)

    @property
    def _place(self) -> tuple[str, Mapping[str, str], bool]:
        """The root, the options of the store, and whether the bucket is a part of the host's name."""
        if not self.uri.startswith("s3://"):
            return str(self._local), {}, False
        options = s3_options(self.environ, self.spec.source.s3_endpoint)
        return self.uri.rstrip("/"), options, self.spec.source.s3_addressing == "virtual"

    def _write(self, key: str, content: bytes) -> None:
        root, options, virtual = self._place
        write_object(root, options, key, content, virtual_addressing=virtual)
