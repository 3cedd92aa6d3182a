"""What a quiet night costs: a night on which rows and labels came, nothing is wrong, and the champion stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date

import pytest

from tests.end_to_end.counted_calls import counted_calls
from tests.end_to_end.project_copies import NIGHT, PROJECT, Copy, cells

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports

MOST_READS = 2
ALIASES = "GET registered-models/get"
TABLES = {
    "batches": 2,  # before the night's deliveries are stored, and after
    "decisions": 2,  # before the lease, in case the project is being renamed, and under it
    "labels": 1,
    "leases": 2,  # the lease is taken, and given back
    "predictions": 1,
    "profiles": 2,  # of accepted rows, and of quarantined ones
    "repeats": 1,
    "rows": 2,  # the new ones, and those of the newest labelled cohort
}
"""Reads of each table of the lake."""

REQUESTS = {
    ALIASES: 1,
    "GET experiments/get-by-name": 1,
    "POST runs/search": 1,  # the run that holds the nights' numbers
    "POST runs/log-batch": 1,  # tonight's
    "PUT artifacts/report.html": 1,
}
"""Requests to MLflow of a process that has loaded the champion before."""


def test_a_quiet_night_reads_each_table_and_asks_the_registry_as_often_as_it_says_here(
    copy: Callable[..., Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly
    from flows.steps.recorded_spec import record_spec

    project = copy()
    project.replace_in_spec(
        "cohort_days: 28", "cohort_days: 28\n  effect: 1.0\n  error_leeway: 1.0\n  bias_leeway: 1.0"
    )
    for kind in ("sales", "prices"):
        project.land(kind, NIGHT, cells(kind))
    workspace = project.enter(monkeypatch)
    assert workspace.champion() is not None
    record_spec(workspace, date.fromisoformat(NIGHT))  # a night before has recorded the changed spec
    with counted_calls(os.environ["MLFLOW_TRACKING_URI"]) as calls:
        assert nightly(PROJECT, date.fromisoformat(NIGHT))["action"] == "score"
    assert calls.tables == TABLES
    assert calls.requests == REQUESTS
    assert max(TABLES.values()) <= MOST_READS
    assert REQUESTS[ALIASES] <= MOST_READS
