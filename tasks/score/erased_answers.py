"""Files of answers without the rows of a subject that is erased: what was handed out of all others stays as it is."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.arrays import BoolArray
from tasks.errors import DataError
from tasks.lake import Batch, Deliveries
from tasks.render.csv_text import cell_text
from tasks.score.output_files import AnswerFiles

OF_REVISION = re.compile(
    r"predictions-[\d-]{10}-(?P<batch_id>\w+)-(?P<revision>\d+)\.(?P<format>parquet|csv)(?P<draft>\.part)?"
)
Own: TypeAlias = Callable[[str, pd.Series], BoolArray]
"""From the id of a batch and the ids of rows to which of these are erased."""


class AnswerFile(NamedTuple):
    """A file of answers for a revision of a batch."""

    name: str
    batch: Batch
    revision: int
    is_csv: bool


def erase_answers(files: AnswerFiles, known: Deliveries, own: Own, moved: Mapping[str, Sequence[int]]) -> None:
    """Write the files with rows of a subject again without these; it may be interrupted, and repeated.

    Parameters
    ----------
    known : Deliveries
        Files of other batches are not of this project.
    moved : mapping of str to (int, int)
        The bases, before and after the erasure, of batches that were written again: their files are handed out as one
        under the new one.

    Raises
    ------
    DataError
        A file cannot be read.
    Unreachable
        When the store does not answer.
    """
    groups: dict[str, list[AnswerFile]] = {}
    for file in _found(files, known):
        before, after = moved.get(file.batch.batch_id, (0, 0))
        state = replace(file.batch, revision=after if before <= file.revision <= after else file.revision)
        target = replace(files, format="csv" if file.is_csv else "parquet").name(state)
        groups.setdefault(target, []).append(file)
    for target, parts in groups.items():
        _erase_from(files, target, parts, own)


def _found(files: AnswerFiles, known: Deliveries) -> list[AnswerFile]:
    """Return the files of answers, oldest first; what a killed run left of others is removed."""
    found = []
    for name in files.names():
        named = OF_REVISION.fullmatch(name.removeprefix("."))
        batch = None if named is None else known.get(named["batch_id"])
        if named is None or batch is None:
            continue
        if named["draft"]:
            files.remove(name)
        else:
            found.append(AnswerFile(name, batch, int(named["revision"]), named["format"] == "csv"))
    return sorted(found, key=lambda file: (file.batch.batch_id, file.revision))


def _erase_from(files: AnswerFiles, target: str, parts: Sequence[AnswerFile], own: Own) -> None:
    """Write some files as one, without what is erased; one that is there already has all that the others have."""
    sources = [part for part in parts if part.name == target] or parts
    tables = [_read(files, part) for part in sources]
    gone = [
        own(part.batch.batch_id, _ids(table, part, files.renamed)) for part, table in zip(sources, tables, strict=True)
    ]
    left = pa.concat_tables(
        [table.filter(pa.array(~its)) for table, its in zip(tables, gone, strict=True)], promote_options="permissive"
    )
    others = [part.name for part in parts if part.name != target]
    if len(left) and (any(its.any() for its in gone) or (sources is parts and others)):
        files.put(target, _content(left, is_csv=parts[0].is_csv))
    for name in others if len(left) else [part.name for part in parts]:
        files.remove(name)


def _read(files: AnswerFiles, file: AnswerFile) -> pa.Table:
    content = pa.BufferReader(files.content(file.name))
    try:
        if not file.is_csv:
            return pq.read_table(content)
        return pa.Table.from_pandas(pd.read_csv(content, dtype="str", keep_default_na=False), preserve_index=False)
    except (ValueError, pa.ArrowException) as error:
        raise DataError(
            f"{files.root}/{file.name} cannot be read: {error}; expected a file of answers as Leeway wrote it. Remove "
            "or restore it, then run the command again"
        ) from error


def _ids(answers: pa.Table, file: AnswerFile, renamed: Mapping[str, str]) -> pd.Series:
    """Return the ids of the rows; files from before the column was renamed have its own name."""
    other = renamed.get("row_id", "row_id")
    ids: pd.Series = answers[other if other in answers.column_names else "row_id"].to_pandas().astype("str")
    return ids.map(cell_text) if file.is_csv else ids


def _content(answers: pa.Table, *, is_csv: bool) -> bytes:
    """Return answers as the content of a file; cells of csv stay as they were written."""
    if is_csv:
        frame = answers.to_pandas().fillna("")
        returns = any(frame[name].str.contains("\r", regex=False).any() for name in frame)
        quoting: Literal[0, 1] = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
        return bytes(frame.to_csv(index=False, lineterminator="\n", quoting=quoting), "utf-8")
    stream = pa.BufferOutputStream()
    pq.write_table(answers, stream)
    return bytes(stream.getvalue())
