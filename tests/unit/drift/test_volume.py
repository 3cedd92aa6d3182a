from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.drift import duplicate_share

CELLS = st.tuples(
    st.sampled_from([0.0, -0.0, 1.5, float("nan")]), st.sampled_from(["a", "b", None]), st.sampled_from([True, False])
)


@given(st.lists(CELLS, max_size=30))
def test_as_many_rows_repeat_as_comparing_every_cell_finds(
    rows: list[tuple[float, str | None, bool]],
) -> None:
    frame = pd.DataFrame(rows, columns=["number", "text", "flag"])
    assert duplicate_share(frame) == pytest.approx(frame.duplicated().mean() if rows else 0.0)


def test_a_missing_value_repeats_a_missing_value() -> None:
    frame = pd.DataFrame({"a": pd.array([1, None, None, 2], dtype="Float64"), "b": ["x", None, None, "x"]})
    assert duplicate_share(frame) == 0.25
