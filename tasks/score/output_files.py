"""The rim of answer files: the answers for a delivery as one file where the user wants it, written whole and once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import pyarrow as pa

from tasks.errors import Unreachable
from tasks.lake import Batch, file_system, listed
from tasks.render.csv_text import csv_bytes
from tasks.score.prediction_rows import as_proposals

NAMED = ("predicted_class", "lower", "upper")  # only there where there are several classes, or intervals
HIDDEN = ("batch_id", "revision", "role")  # internal; every row of a file shares them


@dataclass(frozen=True)
class AnswerFiles:
    """The destination of answers: a folder or `s3://bucket/prefix`, and the format of its files.

    `proposals` says that a person decides on the answers, and `blind_share` of how many rows without them; `renamed`
    has the columns with another name in the files; `options` are the storage options for S3.
    """

    root: str
    format: Literal["parquet", "csv"] = "parquet"
    proposals: bool = False
    blind_share: float = 0.0
    renamed: Mapping[str, str] = field(default_factory=dict)
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
        return {file.base_name for file in listed(self.root, self.options)}

    def lacking(self, names: Collection[str]) -> set[str]:
        """Return the names without a file; it raises what `names` does."""
        return {*names} - self.names()

    def write(self, name: str, answers: pd.DataFrame) -> None:
        """Write a file of answers as a whole; no reader sees a part of it.

        Raises
        ------
        Unreachable
            When the store does not answer.
        """
        shown = as_proposals(answers, self.blind_share) if self.proposals else answers
        self.put(name, file_content(shown, self.format, self.renamed))

    def put(self, name: str, content: bytes) -> None:
        """Write the content of a file, as `write`."""
        system, root = file_system(self.root, self.options)
        local = not self.root.startswith("s3://")
        target = f"{root}/{name}"
        draft = f"{root}/.{name}.part" if local else target  # an S3 object appears when it is complete
        with self._reached("writing", name):
            if local:
                system.create_dir(root)
            with system.open_output_stream(draft) as stream:
                stream.write(content)
            if local:
                system.move(draft, target)

    def content(self, name: str) -> bytes:
        """Return the content of a file; see `write` for what it raises."""
        system, root = file_system(self.root, self.options)
        with self._reached("reading", name), system.open_input_stream(f"{root}/{name}") as stream:
            return bytes(stream.read())

    def remove(self, name: str) -> None:
        """Remove a file; see `write` for what it raises."""
        system, root = file_system(self.root, self.options)
        with self._reached("removing", name):
            system.delete_file(f"{root}/{name}")

    @contextmanager
    def _reached(self, doing: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unreachable(f"{doing} {self.root}/{name} failed: {error}; is the store up?") from error


def file_content(
    answers: pd.DataFrame, written: Literal["parquet", "csv"], renamed: Mapping[str, str] | None = None
) -> bytes:
    r"""Return answers as a file's bytes, in the order of their row ids and without our own columns.

    `renamed` has the columns with another name in the file. In csv, an apostrophe precedes texts that a spreadsheet
    would evaluate as a formula.

    Examples
    --------
    >>> made = pd.DataFrame({"row_id": ["b", "a"], "role": "champion", "prediction": [2.0, 1.0]})
    >>> file_content(made, "csv")
    b'row_id,prediction\na,1.0\nb,2.0\n'
    >>> file_content(made, "csv", {"row_id": "call"})
    b'call,prediction\na,1.0\nb,2.0\n'
    """
    empty = [name for name in NAMED if name in answers and answers[name].isna().all()]
    hidden = [*(name for name in HIDDEN if name in answers), *empty]
    shown = answers.drop(columns=hidden).sort_values("row_id", ignore_index=True)
    shown = shown.rename(columns=dict(renamed or {}))
    if written == "csv":
        return csv_bytes(shown)
    stream = pa.BufferOutputStream()
    shown.to_parquet(stream, index=False)
    return bytes(stream.getvalue())
