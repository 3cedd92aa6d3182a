"""Which tests take long, and how pytest-xdist shares tests out: what shares much stays together, the longest first."""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = "tests/leeway_up/"  # one life of `leeway up`
LONG = (  # `make test` leaves them out and `make long` runs them; a check runs both
    TOGETHER,
    # lives: each worked project, histories of months, homes of earlier versions, changed specs
    *(f"tests/end_to_end/test_{name}.py" for name in (
        "apple_sorting", "card_fraud", "changed_specs", "classes", "frozen_home", "half_year", "migrations",
        "patient_records", "replay_of_the_record", "rollout_demo", "scenarios", "screen_inspection", "served_rows",
        "smaller_bundle", "voice_search",
    )),
    # processes that are killed
    *(f"tests/end_to_end/test_{name}.py" for name in ("dask_night", "faults", "kill_sweep")),
    *(f"tests/integration/test_{name}.py" for name in (
        "killed_deliveries", "prediction_log_kills", "controller_process", "supervisor", "stack",
    )),
    # servers, databases, stores and services of a test's own
    *(f"tests/integration/test_{name}.py" for name in (
        "servers", "prefect", "tables", "deleted_rows", "answer_table", "s3_faults", "rollout_service",
        "serving_control", "faulty_candidate", "landed_rollouts", "reproduce",
    )),
    # every erasure with a search of the whole home, every bad delivery by `leeway check` and by a night, every bench
    *(f"tests/integration/test_{name}.py" for name in (
        "erased_answers", "erased_home", "erased_texts", "erased_training", "erasure", "erasure_of_typed_columns",
        "erasure_over_time", "privacy_markers", "check_and_night", "hostile_deliveries", "adoption", "benches",
    )),
)  # fmt: skip
APART = (
    "tests/end_to_end/test_nights.py",
    "tests/end_to_end/test_kill_sweep.py",
)  # tests that share no more than files do
FIRST = (
    TOGETHER,
    *("tests/integration/test_benches.py", "tests/end_to_end/test_replay_of_the_record.py"),
    *("tests/end_to_end/test_kill_sweep.py", "tests/end_to_end/test_faults.py", "tests/end_to_end/test_life.py"),
    *("tests/end_to_end", "tests/integration/test_servers.py", "tests/integration/test_stack.py", "tests/integration"),
)


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what hands the tests out: those of a file together; some files are parted, and one folder is not."""
    made = LoadFileScheduling(config, log)
    made._split_scope = _scope
    return made


def _scope(test: str) -> str:
    if test.startswith(TOGETHER):
        return TOGETHER
    return test if test.startswith(APART) else test.split("::", 1)[0]


def workers() -> int:
    """Return how many processes run tests: one more than processors, because one mostly waits for `leeway up`."""
    return min((os.cpu_count() or 1) + 1, 5)


def mark_long(items: list[pytest.Item]) -> None:
    """Mark the tests that take long."""
    for item in items:
        if item.nodeid.startswith(LONG):
            item.add_marker(pytest.mark.long)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests: those that take long come first, and short ones fill up the end."""
    items.sort(key=lambda item: next((at for at, path in enumerate(FIRST) if item.nodeid.startswith(path)), len(FIRST)))
