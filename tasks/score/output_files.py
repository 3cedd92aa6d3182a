"""Results: the answers for a delivery as a file where the user wants it, written whole, once, under its own name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from tasks.errors import Unreachable
from tasks.lake import Batch
from tasks.spec import ProjectSpec

NAMED = ("predicted_class",)  # only there where there are several classes
HIDDEN = ("batch_id", "revision", "role")  # ours; every row of a file shares them


@dataclass(frozen=True)
class Results:
    """A folder, or `s3://bucket/prefix`, and how its files are written; `proposals` are for a person to decide on."""

    root: str
    format: Literal["parquet", "csv"] = "parquet"
    proposals: bool = False

    def name(self, batch: Batch) -> str:
        """Return the name of the file for a revision of a batch: what a release or a correction adds is another."""
        return f"predictions-{batch.arrival}-{batch.batch_id}-{batch.revision}.{self.format}"

    def names(self) -> set[str]:
        """Return the names of the files that are there.

        Raises
        ------
        Unreachable
            When the store does not answer.
        """
        from pyarrow import fs

        system, root = self._file_system()
        try:
            found = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        except OSError as error:
            raise Unreachable(f"looking into {self.root} failed: {error}; is the store up?") from error
        return {each.base_name for each in found}

    def write(self, name: str, answers: pd.DataFrame) -> None:
        """Write a file as a whole; nobody ever sees a part of it.

        Raises
        ------
        Unreachable
            When the store does not answer.
        """
        system, root = self._file_system()
        content = file_content(answers.assign(proposal=True) if self.proposals else answers, self.format)
        local = not self.root.startswith("s3://")
        target = f"{root}/{name}"
        place = f"{root}/.{name}.part" if local else target  # an S3 object appears when it is complete
        try:
            if local:
                system.create_dir(root)
            with system.open_output_stream(place) as stream:
                stream.write(content)
            if local:
                system.move(place, target)
        except OSError as error:
            raise Unreachable(f"writing {self.root}/{name} failed: {error}; is the store up?") from error

    def _file_system(self) -> tuple[Any, str]:
        from pyarrow import fs

        if not self.root.startswith("s3://"):
            return fs.LocalFileSystem(), self.root.rstrip("/")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        system = fs.S3FileSystem(
            endpoint_override=endpoint.split("://")[-1] or None,
            scheme="http" if endpoint.startswith("http://") else "https",
            region=os.environ.get("AWS_REGION", "us-east-1"),
        )
        return system, self.root.removeprefix("s3://").rstrip("/")


def results_of(spec: ProjectSpec, folder: Path) -> Results | None:
    """Return where a project's answers go beside the lake; None where the spec names no place.

    Nowhere either where people decide without the model: its answers stay in the lake. Where it assists them, each row
    is marked as a `proposal`.

    Parameters
    ----------
    folder : Path
        The project's folder, which a relative place is in.
    """
    output = spec.scoring.output
    if output is None or spec.automation.answers_kept_back:
        return None
    root = output if output.startswith("s3://") else str((folder / output).absolute())
    return Results(root, spec.scoring.format, proposals=spec.automation.degree == "assist")


def file_content(answers: pd.DataFrame, written: Literal["parquet", "csv"]) -> bytes:
    r"""Return answers as a file's bytes, in the order of their row ids and without our own columns.

    Examples
    --------
    >>> made = pd.DataFrame({"row_id": ["b", "a"], "role": "champion", "prediction": [2.0, 1.0]})
    >>> file_content(made, "csv")
    b'row_id,prediction\na,1.0\nb,2.0\n'
    """
    empty = [name for name in NAMED if name in answers and answers[name].isna().all()]
    hidden = [*(name for name in HIDDEN if name in answers), *empty]
    shown = answers.drop(columns=hidden).sort_values("row_id", ignore_index=True)
    if written == "csv":
        return shown.to_csv(index=False, lineterminator="\n").encode()
    stream = pa.BufferOutputStream()
    shown.to_parquet(stream, index=False)
    return bytes(stream.getvalue())
