"""Files that Leeway puts into a landing zone: answers of people, and rows that the prediction service answered."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tasks.errors import Terminal, Unreachable
from tasks.lake.object_files import s3_options, write_object
from tasks.spec import ProjectSpec
from tasks.whole_file import private_folder


@dataclass(frozen=True)
class LandingFolder:
    """A landing zone that is written to.

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

    def _write(self, key: str, content: bytes) -> None:
        if self.uri.startswith("s3://"):
            virtual = self.spec.source.s3_addressing == "virtual"
            options = s3_options(self.environ, self.spec.source.s3_endpoint)
            write_object(self.uri, options, key, content, virtual_addressing=virtual)
            return
        write_object(str(self._local), {}, key, content)
