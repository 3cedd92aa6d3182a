"""Rows with everything a model sees: what is sent to a cluster's workers, so it imports neither servers nor flows."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.dataset.label_join import ranked
from tasks.features import fails_everywhere, featured, with_tables
from tasks.lake import Filter, Lake, active_rows, deliveries
from tasks.logs import line, logger
from tasks.spec import ProjectSpec
from tasks.spec.cells.kind_conversion import in_kinds
from tasks.spec.spec_sections.feature_sections import FeatureTable
from tasks.user_code.purity import ROWS_TRIED


class Assembled(NamedTuple):
    """Rows with everything a model sees, and which of them the project's function can be applied to."""

    rows: pd.DataFrame
    passing: BoolArray


def assembled_features(rows: pd.DataFrame, spec: ProjectSpec, lake: Lake, folder: Path) -> pd.DataFrame:
    """Return rows with the values of the feature tables as of their time, and the project's own features.

    Rows on which the project's function fails lack its columns: they are answered without them, and learned from by
    no model (`assemble`). The contract refuses such rows; here are only those that it accepted before the function
    was changed, or that a person released.

    Raises
    ------
    DataError
        The function fails on every row of more than a few, or is not pure.
    """
    return assemble(rows, spec, lake, folder).rows


def assemble(rows: pd.DataFrame, spec: ProjectSpec, lake: Lake, folder: Path) -> Assembled:
    """Return rows with everything a model sees, and which of them the project's function can be applied to."""

    def values(table: FeatureTable, first: date | None, last: date) -> pd.DataFrame:
        return feature_values(lake, spec.project, table, first, last)

    return with_made(with_tables(rows, spec, values), spec, folder)


def with_made(rows: pd.DataFrame, spec: ProjectSpec, folder: Path) -> Assembled:
    """Return rows with what the project's function makes of them and of their feature tables; see `assemble`."""
    made = featured(rows, spec.row_function, folder, spec)
    nowhere = bool(made.failures) and len(made.failures) == len(rows)
    if nowhere and len(rows) > ROWS_TRIED:
        raise fails_everywhere(spec.row_function, len(rows), next(iter(made.failures.values())))
    failures = made.faults | made.failures
    passing = np.ones(len(rows), dtype=bool)
    if failures:
        passing[list(failures)] = False
        message = next(iter(failures.values()))
        logger().warning(line("feature_function_failed", rows=len(failures), of_rows=len(rows), said=message))
    complete = _complete(made.rows, spec) if nowhere else made.rows
    return Assembled(in_kinds(complete, spec.read_as, spec), passing)


def _complete(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return rows with every column that the function makes, missing where it made none."""
    made, none = spec.made_later, [None] * len(rows)
    empty: dict[str, pd.Series] = {
        **dict.fromkeys(made.numbers, pd.Series(none, rows.index, dtype="float64")),
        **dict.fromkeys(made.booleans, pd.Series(none, rows.index, dtype="boolean")),
        **dict.fromkeys(made.categories, pd.Series(none, rows.index, dtype="str")),
        **dict.fromkeys(made.dates, pd.Series(none, rows.index, dtype="datetime64[us]")),
    }
    return rows.assign(**{name: column for name, column in empty.items() if name not in rows})


def _ranked_values(lake: Lake, project: str, inside: list[Filter]) -> pd.DataFrame:
    known = deliveries(lake, project)
    return ranked(active_rows(lake, project, "features", known, where=inside), known)


def feature_values(
    lake: Lake, project: str, table: FeatureTable, first: date | None = None, last: date | None = None
) -> pd.DataFrame:
    """Return the values of a feature table that count, of a span of event dates; no rows where none were delivered."""
    inside: list[Filter] = [("table", "=", table.name)]
    if first is not None:
        inside.append(("event_date", ">=", first))
    if last is not None:
        inside.append(("event_date", "<=", last))
    # The commits name the content: several steps of a night ask for the values of the same span.
    commits = (lake.version(project, "features"), lake.version(project, "batches"))
    values = lake.recent.get((project, "features", *inside, commits), partial(_ranked_values, lake, project, inside))
    return values.reindex(columns=list(dict.fromkeys([*values.columns, *table.columns.all])))
