"""How times and numbers are written where they are in no standard form: what the cells make certain, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from tasks.spec.cells.cell_types import is_missing, numbers, texts, time_text
from tasks.spec.cells.time_cells import times

CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")
DAY_FIRST, MONTH_FIRST = ("%d{0}%m{0}%Y", "the day is first"), ("%m{0}%d{0}%Y", "the month is first")
COUNTS = (
    ("epoch_s", 631_152_000, 4_102_444_800, "counts of seconds since 1970"),  # 1990 to 2100
    ("epoch_ms", 631_152_000_000, 4_102_444_800_000, "counts of milliseconds since 1970"),
    ("excel", 32_874, 73_051, "days as spreadsheets count them"),
)
GROUPING = (",", ".", " ", "'")
TRIED = 200


@dataclass(frozen=True, slots=True)
class Form:
    """A value of a key of the spec, and why it is certain."""

    value: str
    why: str


def time_form(column: pd.Series) -> Form | None:
    """Return the `time_format` in which every cell can be read, if only one has that property.

    Examples
    --------
    A day above 12 decides; without one, nothing is guessed:

    >>> time_form(pd.Series(["03/04/2026", "31/12/2025"])).value
    '%d/%m/%Y'
    >>> time_form(pd.Series(["03/04/2026", "05/06/2026"])) is None
    True
    >>> time_form(pd.Series(["1767312000", "1767312060"])).value
    'epoch_s'
    """
    text = texts(column, time_text)
    known = text[~is_missing(text)]
    amounts = numbers(known)
    if amounts.clean and len(known):
        found = [one for one in COUNTS if bool(amounts.column.between(one[1], one[2]).all())]
        return Form(found[0][0], f"they are {found[0][3]}") if found else None
    return _calendar_form(known)


def _calendar_form(known: pd.Series) -> Form | None:
    if known.empty or not (mark := re.match(r"\d{1,2}([./-])\d{1,2}[./-]\d{4}", known.iloc[0])):
        return None
    fits = [
        Form(f"{order.format(mark[1])}{clock}", why)
        for order, why in ((DAY_FIRST,) if mark[1] == "." else (DAY_FIRST, MONTH_FIRST))
        for clock in CLOCKS
        if times(known.head(TRIED), "UTC", f"{order.format(mark[1])}{clock}").clean
        and times(known, "UTC", f"{order.format(mark[1])}{clock}").clean
    ]
    if len(fits) != 1:
        return None
    reason = "dates with points begin with the day" if mark[1] == "." else f"{fits[0].why}: a number above 12 shows it"
    return Form(fits[0].value, reason)


def grouping(frame: pd.DataFrame) -> Form | None:
    """Return the `thousands` sign with which columns of texts become numbers throughout.

    A sign is certain only where every filled cell of a column is a number with it, some cell has it, and no cell has
    it anywhere but before three digits.

    Examples
    --------
    >>> grouping(pd.DataFrame({"weight": ["15,900", "900", ""], "kind": ["a", "b", "c"]})).value
    ','
    >>> grouping(pd.DataFrame({"weight": ["15,9", "900"]})) is None
    True
    """
    for sign in GROUPING:
        columns = [str(name) for name in frame if _is_grouped(frame[name], sign)]
        if columns:
            return Form(sign, f"numbers such as those of {columns[0]} have it before three digits")
    return None


def _is_grouped(column: pd.Series, sign: str) -> bool:
    if not pd.api.types.is_string_dtype(column.dtype) or numbers(column).clean:
        return False
    return numbers(column, thousands=sign).clean
