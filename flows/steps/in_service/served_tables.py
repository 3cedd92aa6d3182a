"""What the batch joins with answered rows: the state of the feature tables that the service has joined them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from flows.steps.in_service.single_rows import Features
from flows.workspace import Workspace
from tasks.dataset.feature_assembly import Assembled, assemble, assembled_features
from tasks.errors import DataError
from tasks.lake import Lake, LakeSnapshot
from tasks.logs import line, logger
from tasks.serving_store.table_snapshots.table_snapshot import commits_of
from tasks.spec import ProjectSpec


def features_then(workspace: Workspace, spec: ProjectSpec, state: str) -> Features:
    """Return what completes rows with a state of the feature tables.

    Parameters
    ----------
    state : str
        See `state_of`; empty for rows that were joined with no tables.

    Raises
    ------
    DataError
        By what is returned, when the lake no longer has that state.
    """
    lake = _lake_then(workspace.lake, state)

    def features(rows: pd.DataFrame, _places: Sequence[int]) -> Assembled:
        return assemble(rows, spec, lake, workspace.folder)

    return features


def served_features(rows: pd.DataFrame, workspace: Workspace, states: Mapping[str, str]) -> pd.DataFrame:
    """Return answered rows with everything that their models see, as they were answered.

    Rows of a state that the lake no longer has are joined with the values of now.

    Parameters
    ----------
    states : mapping of str to str
        The state of the feature tables by the id of a row.
    """
    if not workspace.spec.features.tables:
        return assembled_features(rows, workspace.spec, workspace.lake, workspace.folder)
    numbered = rows.reset_index(drop=True)
    of_rows = numbered["row_id"].map(states).fillna("")
    parts = [_completed(own, workspace, str(state)) for state, own in numbered.groupby(of_rows, sort=False)]
    return pd.concat(parts).sort_index().set_axis(rows.index)


def _completed(rows: pd.DataFrame, workspace: Workspace, state: str) -> pd.DataFrame:
    spec, folder = workspace.spec, workspace.folder
    try:
        return assembled_features(rows, spec, _lake_then(workspace.lake, state), folder)
    except DataError as error:
        logger().warning(line("served_rows_joined_again", rows=len(rows), why=error))
        return assembled_features(rows, spec, workspace.lake, folder)


def _lake_then(lake: Lake, state: str) -> Lake:
    """Return the lake as it was in a state of the feature tables; without one, as it is now."""
    return LakeSnapshot(lake.root, lake.options, commits=commits_of(state)) if state else lake
