"""Whatever columns a person's data has, there is a first spec that reads back, or a SpecError."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import SpecError
from tasks.spec.infer import InferredProject, infer_spec
from tasks.spec.reading.read_spec import parse_spec

ROWS = 24
CELLS = (
    st.sampled_from(
        ["", "NA", "Y", "n", "0", "1", "007", "2026-01-01", "1.5", "1e400", "a", "-", "\ud7ff", "\x00", "é"]
    )
    | st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(width=32)
    | st.text(max_size=5)
)
COLUMNS = st.one_of(
    st.lists(CELLS, min_size=ROWS, max_size=ROWS),
    st.lists(st.integers(0, 3), min_size=ROWS, max_size=ROWS),
    st.lists(st.floats(), min_size=ROWS, max_size=ROWS),
    st.sampled_from(["a", "", 1, None, True]).map(lambda cell: [cell] * ROWS),
)


def inferred_or_refused(frame: pd.DataFrame) -> InferredProject | None:
    try:
        return infer_spec(frame, project="shop", uri="landing", fmt="csv", time="day", label="price")
    except SpecError:
        return None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.dictionaries(st.text(min_size=1, max_size=8), COLUMNS, max_size=4), COLUMNS)
def test_any_frame_is_inferred_or_refused(columns: dict[str, list[Any]], price: list[Any]) -> None:
    days = [f"2026-01-{number + 1:02d}" for number in range(ROWS)]
    usual = {"sale_id": range(5, 5 + ROWS), "area": [number * 5 % 11 for number in range(ROWS)], "day": days}
    frame = pd.DataFrame({**columns, **usual})
    project = inferred_or_refused(frame.assign(price=[number * 7 % 23 + 0.5 for number in range(ROWS)]))
    assert project
    assert parse_spec(project.yaml_text, "shop/project.yaml") == project.spec
    inferred_or_refused(frame.assign(price=pd.Series(price)))
