"""ReferenceRequest requests: rows on both sides of every kind of decision that a contract and a model make.

Numbers are at, just above and just below split points of the trees, or spread around typical values; categories are
known, unknown, padded with blanks and missing; times are at midnight, in a daylight-saving change, with offsets and in
a leap year; some cells cannot be read, or break a rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.inference.schema import ModelSchema
from tasks.package.matching_text import matching_text
from tasks.row_contract.cell_values import LARGEST_EXACT, LONGEST_TEXT
from tasks.row_contract.compiled_contract import RowContract
from tasks.row_contract.row_reader import cells

ROWS = 400
BROKEN_EVERY = 12
MISSING_SHARE = 0.05
HALF = 0.5
AROUND = (-3.0, -1.0, 0.0, 0.5, 2.0)  # standard deviations from the mean, for a model without split points
SEED = 20260101
TIMES = (
    "{day}",
    "{day}T00:00:00",
    "{day}T02:30:00",
    "{day} 23:59:59.999999",
    "{day}T12:00:00Z",
    "{day}T23:30:00-08:00",
    "{day}T09:30:00Z",
    "{day}T00:15+05:45",
)
DAYS = ("2024-02-29", "2024-12-31", "2025-03-09", "2025-03-30", "2025-10-26", "2025-11-02", "2026-01-01", "1999-12-31")
BROKEN: Mapping[str, Sequence[Any]] = {
    "number": ("many", True, [1], "inf"),
    "boolean": ("maybe", 2),
    "category": ([], {"a": 1}),
    "time": ("03/04/2026", "2026-02-30", 5.5),
}


def reference_rows(
    contract: RowContract, schema: ModelSchema, splits: Mapping[int, Sequence[float]]
) -> list[dict[str, Any]]:
    """Return rows of JSON values, the same at every call.

    Parameters
    ----------
    splits : mapping of int to sequence of float
        The split points of each column that the model receives, as `tasks.model.export.onnx_graph.split_points` returns
        them; empty for a model without trees.
    """
    rng = np.random.default_rng(SEED)
    points = points_of(schema, splits) | _allowed(contract)
    rows = [_row(number, contract, schema, points, rng) for number in range(ROWS)]
    for number in range(0, ROWS, BROKEN_EVERY):
        _break(rows[number], contract, rng)
    return rows


def _row(
    number: int,
    contract: RowContract,
    schema: ModelSchema,
    points: Mapping[str, Sequence[Any]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    row: dict[str, Any] = {name: number_near(points.get(name, ()), rng) for name in contract.numbers}
    row |= {name: one_of([True, False, "yes", "0", 1], rng) for name in contract.booleans}
    row |= {name: _category(points.get(name) or schema.categories.get(name, ()), rng) for name in contract.categories}
    row |= {name: _time(rng) for name in contract.dates}
    row = {name: None if rng.random() < MISSING_SHARE else value for name, value in row.items()}
    keys = {name: _key(name, number, contract, rng) for name in (*contract.entities, *contract.ids)}
    return {**keys, **row, contract.event_time: _time(rng)}


def _key(name: str, number: int, contract: RowContract, rng: np.random.Generator) -> str:
    """Return a key that a row may have: one that matches the pattern of its column, if there is a rule about it."""
    for rule in contract.rules:
        if rule.rule == "expect_column_values_to_match_regex" and rule.columns == (name,):
            return matching_text(rule.limits["regex"], rng) or f"reference {number}"
    return f"reference {number}"


def _break(row: dict[str, Any], contract: RowContract, rng: np.random.Generator) -> None:
    """Put one value into a row that cannot be read."""
    keys = {*contract.ids, *contract.entities} - {contract.event_time, *contract.categories}
    kinds = {name: kind for name, _, kind in cells(contract) if name not in keys}
    name = one_of(sorted(kinds), rng)
    row[name] = one_of(BROKEN[kinds[name]], rng)


def points_of(schema: ModelSchema, splits: Mapping[int, Sequence[float]]) -> dict[str, Sequence[Any]]:
    """Return values worth trying of each number column: split points, or values around those of preprocessing."""
    if not schema.steps:
        return {name: splits.get(index, ()) for index, name in enumerate(schema.inputs) if name in schema.numbers}
    points: dict[str, Sequence[Any]] = {}
    column = 0
    for step in schema.steps:
        if step.kind == "number" and step.source in schema.numbers:
            points[step.source] = [step.shift + step.scale * point for point in splits.get(column) or AROUND]
        column += step.width
    return points


def _allowed(contract: RowContract) -> dict[str, Sequence[Any]]:
    """Return the values that a rule lists for a column."""
    return {
        rule.columns[0]: rule.limits["value_set"]
        for rule in contract.rules
        if rule.rule == "expect_column_values_to_be_in_set" and rule.limits["value_set"]
    }


def number_near(points: Sequence[float], rng: np.random.Generator) -> Any:
    """Return a number at, next to or near one of some points; without points, one that is often seen."""
    if not len(points):
        return one_of([0, 1, -1.5, 1e-3, 123456.789, "7.25"], rng)
    point = float(one_of(points, rng))
    near = [point, np.nextafter(point, np.inf), np.nextafter(point, -np.inf), np.round(point), point + rng.normal()]
    chosen = float(one_of(near, rng))
    return int(chosen) if chosen.is_integer() and abs(chosen) <= LARGEST_EXACT and rng.random() < HALF else chosen


def _category(table: Sequence[str], rng: np.random.Generator) -> Any:
    short = [name for name in table if len(name) <= LONGEST_TEXT]
    known = one_of(short, rng) if short else "a"
    choices = [known, known, known, f" {known} ", "unknown to the model", ""]
    return one_of(choices, rng)


def _time(rng: np.random.Generator) -> str:
    return str(one_of(TIMES, rng)).format(day=one_of(DAYS, rng))


def one_of(choices: Sequence[Any], rng: np.random.Generator) -> Any:
    """Return one of some choices."""
    return choices[int(rng.integers(len(choices)))]
