"""A few cells that could not be read, as delivered, and the key of the spec that may read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import pandas as pd

from tasks.spec.infer.written_forms import GROUPING, time_form
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.typing.text_columns import numbers
from tasks.validate.verdict.refused_rows import moment_text

QUOTED = frozenset(
    {"not_a_number", "not_finite", "not_a_boolean", "not_a_time"}
    | {"file_name", "file_missing", "file_too_large", "file_digest"}
)
INTRODUCED, CELLS, LONGEST = "such as ", 3, 40
OTHER_DECIMAL: dict[str, Literal[".", ","]] = {".": ",", ",": "."}


def cell_examples(frame: pd.DataFrame, faults: pd.DataFrame, files: Files, spec: ProjectSpec) -> dict[str, str]:
    """Return, for each code of cells that cannot be read, up to three of them, and the likely key of the spec.

    A project with private columns shows no cell, because a column may have the values of another.

    Parameters
    ----------
    frame : DataFrame
        As delivered.
    faults : DataFrame
        A boolean column a code, with the rows of `frame`, by position.
    files : Files
        The section of the spec on the files.
    spec : ProjectSpec
        For its privacy rules.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> frame = pd.DataFrame({"weight": ["15,900", "900", "1,200"]})
    >>> faults = pd.DataFrame({"not_a_number:weight": [True, False, True]})
    >>> spec = Part(privacy=Part(is_set=False), fault_columns=[])
    >>> cell_examples(frame, faults, Files(), spec)["not_a_number:weight"]
    "such as '15,900', '1,200'; if digits are grouped, say `thousands: ','` there"
    """
    if spec.privacy.is_set:
        return {}
    found = _said_by_the_function(frame, faults, spec)
    for code in map(str, faults):
        rule, _, column = code.partition(":")
        if rule in QUOTED and column in frame:
            wrong = frame[column][faults[code].to_numpy(bool)]
            cells = dict.fromkeys(repr(text.strip()[:LONGEST]) for text in _texts(wrong.head(1_000)))
            found[code] = f"{INTRODUCED}{', '.join(list(cells)[:CELLS])}{''.join(_likely(rule, wrong, files))}"
    return found


def _said_by_the_function(frame: pd.DataFrame, faults: pd.DataFrame, spec: ProjectSpec) -> dict[str, str]:
    """Return what the project's function says of the first file that it fails on."""
    column = next((name for name in spec.fault_columns if name in frame and FUNCTION_FAILED in faults), None)
    if column is None:
        return {}
    first = frame[column][faults[FUNCTION_FAILED].to_numpy(bool)].iloc[0]
    return {FUNCTION_FAILED: str(first).removeprefix(f"{FUNCTION_FAILED}: ")}


def _texts(cells: pd.Series) -> list[str]:
    return [moment_text(cell) if isinstance(cell, date) else str(cell) for cell in cells]


def _likely(rule: str, wrong: pd.Series, files: Files) -> Iterator[str]:
    """Yield the key of the spec with which all of these cells could be read."""
    cells = wrong.dropna()
    if not isinstance(cells.dtype, pd.StringDtype):  # pandas has no text for a zone Python does not know, nor for bytes
        cells = pd.Series(_texts(cells), dtype="str")
    if rule == "not_a_number":
        for sign in (one for one in GROUPING if one != files.decimal):
            if numbers(cells, files.decimal, sign).clean:
                yield f"; if digits are grouped, say `thousands: {sign!r}` there"
                return
        other = OTHER_DECIMAL[files.decimal]
        if numbers(cells, other).clean:
            yield f"; if {other!r} is the decimal sign, say `decimal: {other!r}` there"
    elif rule == "not_a_time" and (form := time_form(cells)) is not None:
        yield f"; if {form.why}, say `time_format: {form.value!r}` there"
