"""Columns of feature tables that reference requests are given: values on both sides of what a model decides by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.inference.schema import ModelSchema
from tasks.package.reference_rows import DAYS, MISSING_SHARE, ROWS, SEED, number_near, one_of, points_of
from tasks.row_contract.compiled_contract import RowContract, ServedTable
from tasks.row_contract.table_values import kinds_of
from tasks.spec.project_spec import ProjectSpec
from tasks.user_code.on_request.cell_rows import typed_column

ABSENT_SHARE = 0.1


def reference_joins(
    contract: RowContract, schema: ModelSchema, splits: Mapping[int, Sequence[float]]
) -> list[dict[str, Any]]:
    """Return the columns of all feature tables for each reference request, as JSON has typed cells.

    Parameters
    ----------
    splits : mapping of int to sequence of float
        See `reference_rows`.
    """
    rng = np.random.default_rng(SEED)
    points = points_of(schema, splits)
    return [
        {name: cell for table in contract.tables for name, cell in _cells(table, schema, points, rng).items()}
        for _ in range(ROWS)
    ]


def _cells(
    table: ServedTable, schema: ModelSchema, points: Mapping[str, Sequence[Any]], rng: np.random.Generator
) -> dict[str, Any]:
    kinds = kinds_of(table)
    if rng.random() < ABSENT_SHARE:
        return dict.fromkeys(kinds)
    cells = {name: _cell(name, kind, schema, points, rng) for name, kind in kinds.items()}
    return {name: None if rng.random() < MISSING_SHARE else cell for name, cell in cells.items()}


def _cell(
    name: str, kind: str, schema: ModelSchema, points: Mapping[str, Sequence[Any]], rng: np.random.Generator
) -> Any:
    if kind == "number":
        return float(number_near(points.get(name, ()), rng))
    if kind == "boolean":
        return one_of([True, False], rng)
    if kind == "category":
        return one_of([*schema.categories.get(name, ("a",)), "unknown to the model"], rng)
    return f"{one_of(DAYS, rng)}T{one_of(['00:00:00', '23:59:59.999999'], rng)}"


def with_joined(frame: pd.DataFrame, joined: Sequence[Mapping[str, Any]], spec: ProjectSpec) -> pd.DataFrame:
    """Return rows with given columns of the feature tables, in their kinds.

    Parameters
    ----------
    joined : sequence of mapping
        The cells of each row, as `reference_joins` returns them.
    """
    columns: dict[str, pd.Series] = {}
    for table in spec.features.tables:
        for name, kind in kinds_of(table.columns).items():
            cells = pd.Series([row[name] for row in joined], index=frame.index, dtype=object)
            columns[name] = typed_column(cells, kind)
    return frame.assign(**columns)
