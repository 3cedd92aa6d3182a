"""Rows with everything a model sees: what is sent to a cluster's workers, so it imports neither servers nor flows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from tasks.features import with_features, with_tables
from tasks.lake import Filter, Lake, active_rows
from tasks.spec import ProjectSpec
from tasks.spec.data_sections import FeatureTable


def assembled_features(rows: pd.DataFrame, spec: ProjectSpec, lake: Lake, folder: Path) -> pd.DataFrame:
    """Return rows with the values of the feature tables as of their time, and the project's own features."""

    def values(table: FeatureTable, first: date | None, last: date) -> pd.DataFrame:
        return feature_values(lake, spec.project, table, first, last)

    return with_features(with_tables(rows, spec, values), spec.features.function, folder)


def feature_values(
    lake: Lake, project: str, table: FeatureTable, first: date | None = None, last: date | None = None
) -> pd.DataFrame:
    """Return the values of a feature table that count, of a span of event dates; no rows where none were delivered."""
    inside: list[Filter] = [("table", "=", table.name)]
    if first is not None:
        inside.append(("event_date", ">=", first))
    if last is not None:
        inside.append(("event_date", "<=", last))
    # The commits name the content: several steps of a night ask for the values of the same span.
    commits = (lake.version(project, "features"), lake.version(project, "batches"))
    values = lake.recent.get(
        (project, "features", *inside, commits), lambda: active_rows(lake, project, "features", where=inside)
    )
    return values.reindex(columns=list(dict.fromkeys([*values.columns, *table.columns.all])))
