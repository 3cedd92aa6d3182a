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
        """Return what a table's deliveries brought for a span of event dates; no rows when none came yet."""
        inside: list[Filter] = [("table", "=", table.name), ("event_date", "<=", last)]
        if first is not None:
            inside.append(("event_date", ">=", first))
        found = active_rows(lake, spec.project, "features", where=inside)
        return found.reindex(columns=list(dict.fromkeys([*found.columns, *table.columns.all])))

    return with_features(with_tables(rows, spec, values), spec.features.function, folder)
