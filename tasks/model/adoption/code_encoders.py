"""The first transformers of a column of categories, fitted on texts, as transformers of the codes of these texts.

A model of Leeway reads a category as its code in a table, and a value that is not in the table as missing. An encoder
that was fitted on texts becomes the same encoder of codes, and an imputer of texts one of codes. A text with which an
imputer fills, and which the encoder never saw, gets a code of its own, which the encoder does not know either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.arrays import FloatArray

ENCODERS = ("OneHotEncoder", "OrdinalEncoder")
Table = tuple[str, ...]


class UnreadableChainError(Exception):
    """What of the transformers cannot be put on codes, in words that follow the names of their columns."""


@dataclass(frozen=True, slots=True)
class CodedChain:
    """Transformers of codes, the table of each column (None for numbers), and how the original knows a missing one."""

    transformers: tuple[Any, ...]
    tables: tuple[Table | None, ...]
    missing: tuple[float | None, ...]


def coded_chain(chain: Sequence[Any], is_category: Sequence[bool]) -> CodedChain:
    """Return the transformers of some columns as transformers of codes.

    Parameters
    ----------
    chain : sequence of fitted transformers
        Each gets what the one before it returns.
    is_category : sequence of bool
        Which columns are categories.

    Raises
    ------
    UnreadableChainError
        The columns meet no encoder at first, or one that has no counterpart on codes.
    """
    imputer = chain[0] if chain and type(chain[0]).__name__ == "SimpleImputer" else None
    encoder, *rest = list(chain[0 if imputer is None else 1 :]) or [None]
    if type(encoder).__name__ not in ENCODERS:
        raise UnreadableChainError("are categories, and meet neither a OneHotEncoder nor an OrdinalEncoder at first")
    if imputer is not None and imputer.add_indicator:
        raise UnreadableChainError("are categories, and their SimpleImputer has add_indicator")
    known = [_known(values, is_text=text) for values, text in zip(encoder.categories_, is_category, strict=True)]
    fills = [None] * len(known) if imputer is None else list(imputer.statistics_)
    one_hot = type(encoder).__name__ == "OneHotEncoder"
    tables = [_table(values, fill, kept=one_hot) for values, fill in zip(known, fills, strict=True)]
    if not one_hot and not all(is_category):
        raise UnreadableChainError("meet one OrdinalEncoder, and only some are categories")
    coded = _one_hot(encoder, known, tables, fills) if one_hot else _ordinal(encoder, known, fills)
    return CodedChain(
        (*coded, *rest),
        tuple(table if text else None for table, text in zip(tables, is_category, strict=True)),
        tuple(_missing_mark(values) for values in encoder.categories_),
    )


def is_missing(value: Any) -> bool:
    """Return whether a category is the missing one: None or NaN."""
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def constant_imputer(values: FloatArray) -> Any:
    """Return a fitted imputer that fills each column with its value."""
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(keep_empty_features=True).fit(np.zeros((1, len(values))))
    imputer.statistics_ = np.asarray(values, dtype=np.float64)
    return imputer


def _known(values: Any, *, is_text: bool) -> list[Any]:
    known = [value for value in values if not is_missing(value)]
    if len(values) - len(known) > 1:
        raise UnreadableChainError("have two kinds of missing values (None and NaN) in one encoder")
    wrong = [value for value in known if isinstance(value, str) != is_text]
    if wrong:
        kinds = ("category", "numbers") if is_text else ("number", "texts")
        raise UnreadableChainError(
            f"are of kind {kinds[0]} in the spec, and the encoder knows {kinds[1]} ({wrong[0]!r})"
        )
    return known


def _missing_mark(values: Any) -> float | None:
    return None if any(value is None for value in values) else math.nan


def _table(known: Sequence[Any], fill: Any, *, kept: bool) -> Table:
    """Return the texts in the order of their codes, with a fill that the encoder does not know."""
    texts = tuple(str(value) for value in known)
    return (*texts, str(fill)) if kept and isinstance(fill, str) and fill not in texts else texts


def _fill_code(table: Table, fill: Any) -> float:
    return float(table.index(fill)) if isinstance(fill, str) else float(fill)


def _one_hot(encoder: Any, known: Sequence[Sequence[Any]], tables: Sequence[Table], fills: Sequence[Any]) -> list[Any]:
    filled = fills[0] is not None
    unknown = [
        str(fill) not in {str(value) for value in values} if filled else not _has_missing(categories)
        for values, fill, categories in zip(known, fills, encoder.categories_, strict=True)
    ]
    if encoder.handle_unknown in {"error", "warn"} and any(unknown):
        raise UnreadableChainError(
            "meet a OneHotEncoder that fails at a missing value: fit it with handle_unknown='ignore'"
        )
    coded = deepcopy(encoder)
    coded.categories_ = [
        np.array(
            [*(range(len(values)) if isinstance(next(iter(values), ""), str) else map(float, values))]
            + [math.nan] * _has_missing(categories),
            dtype=np.float64,
        )
        for values, categories in zip(known, encoder.categories_, strict=True)
    ]
    coded.handle_unknown = "ignore" if encoder.handle_unknown in {"error", "warn"} else encoder.handle_unknown
    if not filled:
        return [coded]
    codes = [_fill_code(table, fill) for table, fill in zip(tables, fills, strict=True)]
    return [constant_imputer(np.array(codes)), coded]


def _ordinal(encoder: Any, known: Sequence[Sequence[Any]], fills: Sequence[Any]) -> list[Any]:
    """Return what an encoder of texts adds to the codes, which are its own: the number of a missing value, if any."""
    numbers = []
    for values, fill, categories in zip(known, fills, encoder.categories_, strict=True):
        if isinstance(fill, str) and fill in values:
            numbers.append(float(list(values).index(fill)))
        elif fill is None and _has_missing(categories):
            numbers.append(float(encoder.encoded_missing_value))
        elif encoder.handle_unknown == "use_encoded_value":
            numbers.append(float(encoder.unknown_value))
        else:
            raise UnreadableChainError(
                "meet an OrdinalEncoder that fails at a missing value: fit it with handle_unknown='use_encoded_value'"
            )
    return [] if np.isnan(numbers).all() else [_filling_some(numbers)]


def _filling_some(values: Sequence[float]) -> Any:
    """Return a fitted transformer that fills each column with its value, and leaves those with NaN as they are."""
    from sklearn.compose import ColumnTransformer

    parts = [
        (str(place), "passthrough" if math.isnan(value) else constant_imputer(np.array([value])), [place])
        for place, value in enumerate(values)
    ]
    whole = ColumnTransformer(parts).fit(np.zeros((1, len(parts))))
    whole.transformers_ = [
        (name, part if part != "passthrough" else fitted, places)
        for (name, part, places), (_, fitted, _) in zip(parts, whole.transformers_, strict=True)
    ]
    return whole


def _has_missing(categories: Any) -> bool:
    return any(is_missing(value) for value in categories)
