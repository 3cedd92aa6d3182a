"""The newest values of feature tables as objects of the lake, for a quick look-up."""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO

from tasks.dataset.feature_assembly import feature_values
from tasks.features import latest_values
from tasks.lake import Lake
from tasks.spec import ProjectSpec


def keep_latest_values(lake: Lake, spec: ProjectSpec, tables: Collection[str]) -> None:
    """Write the newest values of each entity of some feature tables."""
    for table in (each for each in spec.features.tables if each.name in tables):
        newest = latest_values(feature_values(lake, spec.project, table), table, time_zone=spec.schedule.time_zone)
        buffer = BytesIO()
        newest.to_parquet(buffer, index=False)
        lake.put(spec.project, f"latest-{table.name}.parquet", buffer.getvalue())
