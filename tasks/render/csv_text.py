"""Tables as csv for people: a spreadsheet that opens one evaluates nothing in it."""

from __future__ import annotations

import csv
import re
from typing import Literal

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    r"""Return a table as csv in which no text is a formula, or begins another row.

    Examples
    --------
    >>> csv_bytes(pd.DataFrame({"id": ["=1+1", "7"], "rooms": [-3.0, 4.0]}))
    b"id,rooms\n'=1+1,-3.0\n7,4.0\n"
    """
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    shown = frame.assign(**{str(name): frame[name].map(cell) for name in texts})
    # pandas leaves a carriage return without quotes, and spreadsheets take it for the end of the row.
    returns = any(shown[name].astype("str").str.contains("\r", regex=False).any() for name in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    return shown.to_csv(index=False, lineterminator="\n", quoting=quoting).encode()


def cell(text: object) -> object:
    """Return a cell of a csv file with an apostrophe before a text that a spreadsheet would evaluate as a formula.

    Numbers stay as they are, also those that are text. A text that looks like such a cell gets an apostrophe too, so
    that `cell_text` returns each text as it was.

    Examples
    --------
    >>> [cell(text) for text in ("=1+1", "@SUM(A1)", "-5", "house", -5, "'=7")]
    ["'=1+1", "'@SUM(A1)", '-5', 'house', -5, "''=7"]
    """
    if not isinstance(text, str):
        return text
    return f"'{text}" if _is_escaped(text) or (text.startswith(FORMULA) and not NUMBER.fullmatch(text)) else text


def cell_text(text: str) -> str:
    """Return the text of which `cell` made a cell; files of earlier versions have an apostrophe before numbers too.

    >>> cell_text("'=7"), cell_text("'-5"), cell_text("'s-Hertogenbosch"), cell_text("7")
    ('=7', '-5', "'s-Hertogenbosch", '7')
    """
    return text[1:] if _is_escaped(text) else text


def _is_escaped(text: str) -> bool:
    return text.startswith("'") and text.lstrip("'").startswith(FORMULA)
