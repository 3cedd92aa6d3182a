"""The rim of answer files: the answers for a delivery as one file where the user wants it, written whole and once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa

from tasks.errors import Unreachable
from tasks.lake import Batch, Deliveries, file_system
from tasks.render.csv_text import csv_bytes
from tasks.spec import ProjectSpec

NAMED = ("predicted_class",)  # only there where there are several classes
OF_REVISION = re.compile(r"\.?predictions-[\d-]{10}-(?P<batch_id>\w+)-(?P<revision>\d+)\.\w+(\.part)?")
HIDDEN = ("batch_id", "revision", "role")  # internal; every row of a file shares them


@dataclass(frozen=True)
class AnswerFiles:
    """The destination of answers: a folder or `s3://bucket/prefix`, and the format of its files.

    `proposals` says that a person decides on the answers; `options` are the storage options for S3.
    """

    root: str
    format: Literal["parquet", "csv"] = "parquet"
    proposals: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

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

        system, root = file_system(self.root, self.options)
        try:
            listed = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        except OSError as error:
            raise Unreachable(f"listing {self.root} failed: {error}; is the store up?") from error
        return {file.base_name for file in listed}

    def write(self, name: str, answers: pd.DataFrame) -> None:
        """Write a file as a whole; no reader sees a part of it.

        Raises
        ------
        Unreachable
            When the store does not answer.
        """
        system, root = file_system(self.root, self.options)
        content = file_content(answers.assign(proposal=True) if self.proposals else answers, self.format)
        local = not self.root.startswith("s3://")
        target = f"{root}/{name}"
        draft = f"{root}/.{name}.part" if local else target  # an S3 object appears when it is complete
        try:
            if local:
                system.create_dir(root)
            with system.open_output_stream(draft) as stream:
                stream.write(content)
            if local:
                system.move(draft, target)
        except OSError as error:
            raise Unreachable(f"writing {self.root}/{name} failed: {error}; is the store up?") from error

    def replaced(self, known: Deliveries) -> dict[str, Batch]:
        """Return the files of revisions that no longer count, each with the present state of its batch."""
        found = ((name, _replaced_batch(name, known)) for name in self.names())
        return {name: batch for name, batch in found if batch is not None}

    def remove_replaced(self, known: Deliveries) -> int:
        """Remove the files of revisions that no longer count; return how many.

        Raises
        ------
        Unreachable
            When the store does not answer.
        """
        system, root = file_system(self.root, self.options)
        replaced = self.replaced(known)
        try:
            for name in replaced:
                system.delete_file(f"{root}/{name}")
        except OSError as error:
            raise Unreachable(f"removing files of {self.root} failed: {error}; is the store up?") from error
        return len(replaced)


def _replaced_batch(name: str, known: Deliveries) -> Batch | None:
    """Return the batch of a file of answers, or the draft of one, if it is below the base of its batch."""
    found = OF_REVISION.fullmatch(name)
    batch = None if found is None else known.get(found["batch_id"])
    return batch if found and batch and int(found["revision"]) < batch.base else None


def answer_files(spec: ProjectSpec, folder: Path, options: Mapping[str, str] | None = None) -> AnswerFiles | None:
    """Return the destination of a project's answers next to the lake; None where the spec names none.

    Where people decide without the model there is none either: its answers stay in the lake. Where the model assists
    them, each row is marked as a `proposal`.

    Parameters
    ----------
    folder : Path
        The project's folder, to which a relative path refers.
    options : mapping of str to str, optional
        Storage options for S3: see `tasks.lake.s3_options`.
    """
    output = spec.scoring.output
    if output is None or spec.automation.answers_kept_back:
        return None
    remote = output.startswith("s3://")
    return AnswerFiles(
        output if remote else str((folder / output).absolute()),
        spec.scoring.format,
        proposals=spec.automation.degree == "assist",
        options=dict(options or {}) if remote else {},
    )


def file_content(answers: pd.DataFrame, written: Literal["parquet", "csv"]) -> bytes:
    r"""Return answers as a file's bytes, in the order of their row ids and without our own columns.

    In csv, an apostrophe precedes texts that a spreadsheet would evaluate as a formula.

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
        return csv_bytes(shown)
    stream = pa.BufferOutputStream()
    shown.to_parquet(stream, index=False)
    return bytes(stream.getvalue())
