"""The answers of a person: read from a csv, compared with the queue, and turned into a delivery of labels."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.errors import DataError
from tasks.records import Delivery, Landed
from tasks.render.csv_text import cell_text
from tasks.spec import ProjectSpec
from tasks.spec.cells.entity_keys import parts_of

SEPARATORS = (",", ";", "\t")
NAMED = 5


@dataclass(frozen=True, slots=True)
class ReturnedLabels:
    """The usable answers, `row_id` and `label` as text; the numbers of empty cells and of rows labelled meanwhile."""

    taken: pd.DataFrame
    empty: int
    labelled: int


def read_answers(content: bytes, column: str) -> pd.DataFrame:
    r"""Return `row_id` and `label`, every cell as text, of a csv that a spreadsheet wrote.

    Raises
    ------
    DataError
        The file is not a csv with both columns.

    Examples
    --------
    >>> read_answers(b"row_id;rooms;price\n007;3;12,5\n8;2;\n", "price").values.tolist()
    [['007', '12,5'], ['8', '']]
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"the file is not UTF-8 ({error}); save it as csv in UTF-8") from error
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    try:
        read = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise DataError(f"the file is not a csv: {error}; save it as csv with commas") from error
    names = list(read[0]) if read else next(csv.reader([header], delimiter=separator), [])
    missing = [name for name in ("row_id", column) if name not in names]
    if missing:
        raise DataError(
            f"the file lacks {missing}, found {names[:20]}; expected the columns that `leeway review --out` wrote, "
            f"with {column!r} filled in"
        )
    cells = [(cell_text((row["row_id"] or "").strip()), (row[column] or "").strip()) for row in read]
    return pd.DataFrame(cells, columns=["row_id", "label"], dtype="str")


def answers(given: pd.DataFrame, asked: Collection[str], waiting: Collection[str]) -> ReturnedLabels:
    """Return the answers to rows that still wait for a label.

    Parameters
    ----------
    given : DataFrame
        The result of `read_answers`.
    asked : collection of str
        Ids of all rows that were ever deferred.
    waiting : collection of str
        Ids of the deferred rows without a label.

    Raises
    ------
    DataError
        An answer is about a row that was never deferred: a spreadsheet may have changed the ids.

    Examples
    --------
    >>> given = pd.DataFrame({"row_id": ["a", "b", "c"], "label": ["1", "", "2"]})
    >>> returned = answers(given, {"a", "b", "c"}, {"a", "b"})
    >>> returned.taken.values.tolist(), returned.empty, returned.labelled
    ([['a', '1']], 1, 1)
    """
    filled = given[given["label"] != ""]
    unknown = filled.loc[~filled["row_id"].isin(list(asked)), "row_id"].unique().tolist()
    if unknown:
        raise DataError(
            f"{len(unknown)} answers are about rows that were never deferred to a person, such as {unknown[:NAMED]}; "
            "expected the ids that `leeway review --out` wrote. Did a spreadsheet change them (leading zeros, dates)?"
        )
    taken = filled[filled["row_id"].isin(list(waiting))].reset_index(drop=True)
    return ReturnedLabels(taken, len(given) - len(filled), len(filled) - len(taken))


def with_ids(taken: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return answers with the id columns and the label column of the project."""
    ids = spec.key_columns
    parts = [[row_id] if len(ids) == 1 else parts_of(row_id) for row_id in taken["row_id"]]
    frame = pd.DataFrame(parts, columns=ids, dtype="str")
    return frame.assign(**{spec.source.label.column: taken["label"].to_numpy()})


def delivered(taken: pd.DataFrame, spec: ProjectSpec, day: date) -> Delivery:
    """Return answers as a delivery of labels, named by its content: the same answers twice give one batch."""
    frame = with_ids(taken, spec)
    content = frame.to_csv(index=False).encode()
    name = hashlib.sha256(content).hexdigest()
    return Delivery(name, Landed("labels", f"review-{day}-{name[:8]}.csv", len(content), day), frame)
