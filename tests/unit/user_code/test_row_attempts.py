"""One row never stops a function: the rows that it fails on are named, and the others get what it makes."""

from __future__ import annotations

import math

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.user_code.row_attempts import MOST_CALLS, applied

BAD = -273.15


@given(st.lists(st.sampled_from([1.0, 7.5, BAD]), min_size=1, max_size=40))
def test_exactly_the_rows_that_fail_alone_are_named_and_the_others_get_their_value(values: list[float]) -> None:
    def root(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(root=[math.sqrt(value) for value in frame["temp"]])

    made, failures = applied(root, pd.DataFrame({"temp": values}))
    assert list(failures) == [place for place, value in enumerate(values) if value == BAD]
    roots = [math.sqrt(value) for value in values if value != BAD]
    assert (made is None and not roots) or (made is not None and made["root"].tolist() == roots)


def test_so_many_failing_rows_that_they_cannot_be_separated_cost_a_bounded_number_of_calls() -> None:
    calls = 0

    def every_other(frame: pd.DataFrame) -> pd.DataFrame:
        nonlocal calls
        calls += 1
        assert (frame["place"] % 2 == 0).all()
        return frame

    failures = applied(every_other, pd.DataFrame({"place": range(10_000)}))[1]
    assert calls <= MOST_CALLS + 3
    assert set(range(1, 10_000, 2)) <= set(failures)
