"""Projects made of the house sales that land next to the demo's spec, small enough to train in seconds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.inference.schema_parts import TimeFeature
    from tasks.model import Predictor
    from tasks.spec import ProjectSpec

HOUSES = Path(__file__).parents[1] / "deployments" / "house-prices"
SMALL_TREES = """\
  iterations: [40]
  learning_rate: 0.2
  estimators: [{use: hist_gradient_boosting, parameters: {max_leaf_nodes: 12}}]
"""  # a tenth of the time that the trees of the demo take
Landing = Mapping[str, Mapping[str, tuple[str, str]]]


def write_houses(folder: Path, landing: Landing) -> None:
    """Write a project of the house sales that trains in seconds.

    Parameters
    ----------
    folder : Path
        Where to; its name is the project's.
    landing : mapping of str to mapping of str to (str, str)
        For `sales` and `prices`: what lands on a day, as the first and last of the real weekly files put together.
    """
    folder.mkdir(parents=True)
    spec = (HOUSES / "project.yaml").read_text(encoding="utf-8")
    for found, instead in (
        ("project: house-prices", f"project: {folder.name}"),
        ("[all_history, recency, event_time, level]", "[event_time]"),
        ("folds: 3", "folds: 1"),
        ("training:\n", f"training:\n{SMALL_TREES}"),
        ("gate:\n", "gate:\n  max_latency_ms: 5000 # a busy machine is no reason to refuse a challenger\n"),
    ):
        assert found in spec
        spec = spec.replace(found, instead)
    (folder / "project.yaml").write_text(spec, encoding="utf-8")
    shutil.copy(HOUSES / "expectations.json", folder)
    for kind, days in landing.items():
        (folder / "landing" / kind).mkdir(parents=True)
        for day, (first, last) in days.items():
            (folder / "landing" / kind / f"{day}.csv").write_text(weeks(kind, first, last), encoding="utf-8")


def weeks(kind: str, first: str, last: str) -> str:
    """Return the weekly files of some days as one text with one header."""
    paths = [path for path in sorted((HOUSES / "landing" / kind).iterdir()) if first <= path.stem <= last]
    header, *_ = paths[0].read_text(encoding="utf-8").splitlines()
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return "\n".join([header, *lines, ""])


def house_model(
    spec: ProjectSpec, days: tuple[str, str], iterations: int, time: TimeFeature | None = None
) -> Predictor:
    """Return boosted trees that were fitted to the sales of some days."""
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingRegressor

    from tasks.model import ModelSchema, export_model
    from tasks.model.input_matrix import input_matrix

    sales, prices = (
        pd.read_csv(StringIO(weeks(kind, *days)), dtype={"zipcode": "str"}) for kind in ("sales", "prices")
    )
    rows = sales.merge(prices, on=["id", "date"]).assign(date=lambda frame: pd.to_datetime(frame["date"]))
    schema = ModelSchema(
        project=spec.project,
        task="regression",
        metric="mean_absolute_log_error",
        event_time="date",
        numbers=tuple(spec.features.numbers),
        booleans=tuple(spec.features.booleans),
        categories={"zipcode": tuple(sorted(rows["zipcode"].unique()))},
        time=time,
        link="exp",
    )
    typed = rows.astype(dict.fromkeys(schema.numbers, "float64") | {"waterfront": "boolean"})
    trees = HistGradientBoostingRegressor(max_iter=iterations)
    return export_model(trees.fit(input_matrix(typed, schema), np.log(typed["price"])), schema)
