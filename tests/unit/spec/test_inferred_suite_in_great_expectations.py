"""The inferred suite is one that Great Expectations reads, and the data it was made of passes it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.spec.cells.cell_types import booleans, categories, numbers
from tasks.spec.cells.time_cells import times
from tasks.spec.infer import InferredProject, infer_spec

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
NUMBER = np.arange(60)
READERS = {"numbers": numbers, "booleans": booleans, "categories": categories}


def typed(frame: pd.DataFrame, project: InferredProject) -> pd.DataFrame:
    spec = project.spec
    columns = {name: READERS[kind](frame[name]).column for kind in READERS for name in getattr(spec.features, kind)}
    columns |= {name: categories(frame[name]).column for name in spec.source.id}
    columns[spec.source.event_time] = times(frame[spec.source.event_time], "UTC").column
    columns[spec.source.label.column] = numbers(frame[spec.source.label.column]).column
    return pd.DataFrame(columns)


def failures(project: InferredProject, frame: pd.DataFrame) -> list[str]:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = None
    batch = (
        context.data_sources.add_pandas("here").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    )
    result = batch.get_batch({"dataframe": frame}).validate(gx.ExpectationSuite(**project.expectations))
    return [each.expectation_config.type for each in result.results if not each.success]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Great Expectations' own imports
@pytest.mark.parametrize("label", [NUMBER * 7 % 59 + 0.5, NUMBER % 2, np.exp(NUMBER * 7 % 59 / 9.0)])
@pytest.mark.parametrize("key", [{"id": NUMBER}, {"id": NUMBER // 2}])
def test_the_data_passes_its_own_suite(label: Any, key: dict[str, Any]) -> None:
    frame = pd.DataFrame({
        **key,
        "day": [f"2026-01-{number % 2 + number // 2 + 1:02d}" for number in NUMBER],
        "size": [str(number * 13 % 31) if number % 9 else "" for number in NUMBER],
        "debt": -(NUMBER * 13 % 31),
        "zip": [f"0{number % 4}" for number in NUMBER],
        "paid": np.where(NUMBER % 3 == 0, "Y", "N"),
        "price": label,
    })  # fmt: skip
    project = infer_spec(frame, project="shop", uri="landing", fmt="csv", time="day", label="price")
    rows = typed(frame, project)
    assert failures(project, rows) == []
    assert failures(project, rows.assign(debt=5.0)) == ["expect_column_values_to_be_between"]
