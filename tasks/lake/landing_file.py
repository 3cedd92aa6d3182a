"""Files that Leeway puts into a landing zone: answers of people, and rows that the prediction service answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tasks.errors import Unreachable
from tasks.lake.object_files import file_system, s3_options
from tasks.spec import ProjectSpec

PART = ".part"


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
        """Write files in their order; each appears complete, under its name.

        Raises
        ------
        Unreachable
            The landing zone does not respond.
        """
        system, root, local = self._file_system()
        for key, content in files:
            try:
                _write(system, f"{root}/{key}", content, local=local)
            except OSError as error:
                raise Unreachable(f"writing {key} to {self.uri} failed: {error}; is the store up?") from error

    def _file_system(self) -> tuple[Any, str, bool]:
        if self.uri.startswith("s3://"):
            virtual = self.spec.source.s3_addressing == "virtual"
            options = s3_options(self.environ, self.spec.source.s3_endpoint)
            return *file_system(self.uri, options, virtual_addressing=virtual), False
        path = unquote(urlsplit(self.uri).path) if self.uri.startswith("file://") else self.uri
        return *file_system(str((self.folder / path).absolute()), {}), True


def _write(system: Any, path: str, content: bytes, *, local: bool) -> None:
    """Write an object; in a folder, under a temporary name that is not a delivery until it is complete."""
    if not local:
        with system.open_output_stream(path) as stream:
            stream.write(content)
        return
    system.create_dir(path.rpartition("/")[0])
    with system.open_output_stream(f"{path}{PART}") as stream:
        stream.write(content)
    system.move(f"{path}{PART}", path)
