"""A first spec promises kinds, the validate room reads deliveries: what the one calls clean, the other reads alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.spec.infer import infer_spec
from tasks.spec.infer.cells import Cells, read_booleans, read_categories, read_moments, read_numbers
from tasks.validate.columns import Read, booleans, categories, numbers, times
from tasks.validate.typed import typed

NUMERALS = ("1", "0", "-1.5", "1e5", "1e400", ".5", "5.", "+3", "007", "1_000", "1,5", "inf", "0x1f")
WORDS = ("", " ", "NA", "null", "Y", "no", "TRUE", "1.0", "t", "maybe", "é")
DAYS = (
    "2026-11-20",
    "2026-11-20 10:30",
    "2026-11-20T10:30:00.25Z",
    "2026-11-20T10:30:00+01:00",
    "2026-11-20T10:30+0100",
)
OTHER_DAYS = ("20261120", "20261120T103000", "20261120T103000Z", "2026-02-30", "03/04/2026")
TEXTS = st.sampled_from([*NUMERALS, *WORDS, *DAYS, *OTHER_DAYS])
COLUMNS = st.lists(TEXTS | st.text(max_size=4) | st.floats().map(str) | st.integers().map(str), min_size=1, max_size=6)
READERS: dict[str, tuple[Callable[[pd.Series], Cells], Callable[[pd.Series], Read]]] = {
    "numbers": (read_numbers, numbers),
    "booleans": (read_booleans, booleans),
    "categories": (read_categories, categories),
    "moments": (read_moments, lambda column: times(column, "UTC")),
}


def plain(values: pd.Series) -> list[Any]:
    local = values.dt.tz_localize(None) if isinstance(values.dtype, pd.DatetimeTZDtype) else values
    return [None if pd.isna(value) else value for value in local]


@pytest.mark.parametrize("kind", sorted(READERS))
@settings(max_examples=60, deadline=None)
@given(cells=COLUMNS)
def test_a_cell_that_the_first_spec_could_read_is_delivered_as_the_same_value(kind: str, cells: list[str]) -> None:
    column = pd.Series(cells, dtype="str")
    first, delivery = READERS[kind]
    judged, read = first(column), delivery(column)
    refused = np.logical_or.reduce([np.zeros(len(column), bool), *read.faults.values()])
    fine = ~judged.bad.to_numpy()
    assert not refused[fine].any()
    assert plain(judged.typed[fine]) == plain(read.column[fine])


@pytest.mark.parametrize("values", [[1, 2], [1.5, None], [98103.0, None], [True, False], [True, None], [1e300, 2.5]])
def test_typed_cells_are_read_alike_too(values: list[Any]) -> None:
    for kind, (first, delivery) in READERS.items():
        judged, read = first(pd.Series(values)), delivery(pd.Series(values))
        if judged.clean and kind != "numbers":
            assert not read.faults
            assert plain(judged.typed) == plain(read.column)


def test_the_data_a_first_spec_was_written_from_is_accepted_by_it_without_a_fault() -> None:
    number = np.arange(80)
    frame = pd.DataFrame({
        "id": number,
        "day": [f"2026-{each // 20 + 1:02d}-{each % 20 + 1:02d}" for each in number],
        "size": [str(each * 13 % 31) if each % 9 else "NA" for each in number],
        "zip": [f"0{each % 4}" for each in number],
        "paid": np.where(number % 3 == 0, "Y", "N"),
        "won": np.where(number * 7 % 11 > 6, "yes", "no"),
    }).astype("str")  # fmt: skip
    project = infer_spec(frame, project="shop", uri="landing", fmt="csv", time="day", label="won")
    delivered = typed(frame, project.spec)
    assert delivered.clean.all()
    assert delivered.frame["won"].sum() == (frame["won"] == "yes").sum()
    assert project.spec.features.columns == ["size", "paid", "zip"]
