"""Choose the kind of each column, or leave it out, with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.spec.cells.cell_types import booleans, categories, numbers
from tasks.spec.cells.time_cells import times
from tasks.spec.infer.label_leaks import leak
from tasks.spec.infer.target import Target

CODES = re.compile(r"zip|post_?code|postal|plz|(^|_)code$", re.IGNORECASE)
FILE_NAME = re.compile(r"[^?*:|<>\s][^?*:|<>\n]*\.[A-Za-z][A-Za-z0-9]{1,4}")
IDENTIFIERS = re.compile(r"(^|_|\b)(id|uuid|guid|key|no|nr|number)$|[a-z]Id$|ID$")
MANY_VALUES = 20
LARGEST_CATEGORY = 1000
NEAR_UNIQUE = 0.9
LONGEST_NAME = 128
UNNAMEABLE = "its name is empty, too long, not printable, or has a blank at an end: rename it"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A column, its kind and the reason, its typed values unless it is left out, and whether the choice is unusual."""

    name: str
    kind: Literal["numbers", "booleans", "categories", "left out"]
    why: str
    typed: pd.Series | None = None
    unusual: bool = False


def choose_columns(frame: pd.DataFrame, target: Target, taken: set[str]) -> list[Chosen]:
    """Return the choice for every column other than the id, the event time and the label."""
    return [_without_leak(_chosen(frame[name], str(name)), target) for name in frame.columns if str(name) not in taken]


def can_be_named(name: str) -> bool:
    """Return whether a name is allowed in a spec: 1 to 128 printable characters without a blank at either end."""
    return name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST_NAME


def looks_like_an_identifier(name: str) -> bool:
    """Return whether the name of a column is that of an identifier.

    >>> [looks_like_an_identifier(name) for name in ("id", "customer_id", "orderId", "paid", "sqft")]
    [True, True, True, False, False]
    """
    return bool(IDENTIFIERS.search(name))


def _chosen(column: pd.Series, name: str) -> Chosen:
    if not can_be_named(name):
        return Chosen(name, "left out", UNNAMEABLE)
    if column.dtype == object and column.map(lambda cell: isinstance(cell, (list, dict, bytes, np.ndarray))).any():
        return Chosen(name, "left out", "its cells are lists, blocks or bytes: write one value in each cell")
    texts = categories(column).column
    distinct, rows = int(texts.nunique()), int(texts.notna().sum())
    if distinct <= 1:
        only = f"is {texts.dropna().iloc[0]!r} in every filled cell" if distinct else "is empty"
        return Chosen(name, "left out", f"it {only}: nothing to learn from")
    amounts = numbers(column)
    if amounts.clean:  # 0 and 1 too: other numbers may follow
        return _number_or_code(name, texts, amounts.column, distinct == rows)
    truths = booleans(column)
    if truths.clean and len(truths.column.dropna().unique()) > 1:
        return Chosen(name, "booleans", "true or false, yes or no", truths.column)
    return _text(column, name, texts, amounts.bad)


def _number_or_code(name: str, texts: pd.Series, amounts: pd.Series, unique: bool) -> Chosen:
    padded = bool(texts.str.fullmatch(r"0\d+").any())
    if (padded or CODES.search(name)) and texts.nunique() <= LARGEST_CATEGORY:
        reason = "leading zeros" if padded else "its name says it is a code"
        return Chosen(name, "categories", f"digits, but {reason}: codes have no order", texts, unusual=True)
    whole = bool((amounts.dropna() % 1 == 0).all())
    if unique and whole and (looks_like_an_identifier(name) or amounts.is_monotonic_increasing):
        return Chosen(name, "left out", "a different whole number in every row: it seems to identify rows")
    return Chosen(name, "numbers", "every filled cell is a number", amounts)


def _text(column: pd.Series, name: str, texts: pd.Series, no_number: BoolArray) -> Chosen:
    rows, distinct = int(texts.notna().sum()), int(texts.nunique())
    moments = times(column, "UTC")
    if moments.clean and moments.column.notna().any():
        return Chosen(name, "left out", "a date: list it under dates, if it is known before the label is")
    mixed = float(no_number.sum()) < rows / 2
    odd = repr(str(column[no_number].iloc[0]).strip()[:30]) if bool(no_number.any()) else "none"
    numeric = f"mostly numbers, but some cells are not, such as {odd}"
    if mixed and distinct > LARGEST_CATEGORY:
        return Chosen(name, "left out", f"{numeric}: clean them and list it under numbers")
    if float(texts.dropna().str.fullmatch(FILE_NAME).mean()) >= NEAR_UNIQUE:
        named = f"it names files, such as {texts.dropna().iloc[0]!r:.40}"
        return Chosen(name, "left out", f"{named}: source.files hands their bytes to features.function")
    if distinct >= NEAR_UNIQUE * rows or (distinct > MANY_VALUES and distinct > rows / 2):
        why = f"{distinct:,} different texts in {rows:,} rows: nothing repeats to learn from"
        return Chosen(name, "left out", numeric if mixed else why)
    if distinct > LARGEST_CATEGORY:
        return Chosen(name, "left out", f"{distinct:,} different texts: group them first, in features.function")
    return Chosen(name, "categories", numeric if mixed else f"{distinct:,} different texts", texts, unusual=mixed)


def _without_leak(chosen: Chosen, target: Target) -> Chosen:
    if chosen.typed is None:
        return chosen
    if target.task == "multiclass" and chosen.kind != "categories":
        return chosen  # class names have no order to compare a number with
    suspicion = leak(chosen.typed, target.typed, binary=target.task == "binary")
    if not suspicion:
        return chosen
    why = f"SUSPECTED LEAK: {suspicion}; if it is truly known before the label, list it under {chosen.kind}"
    return Chosen(chosen.name, "left out", why)
