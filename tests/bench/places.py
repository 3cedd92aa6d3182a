"""A folder and an environment of a bench's own: no server, lake or project of the user is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.sizes import SMALL

OURS = ("LEEWAY_", "PREFECT_", "MLFLOW_", "AWS_")
KEPT = {"LEEWAY_BENCH", "LEEWAY_BENCH_ROWS"} | ({"PREFECT_API_URL", "MLFLOW_TRACKING_URI"} if SMALL else set())


@contextmanager
def own_place() -> Iterator[Path]:
    """Give an empty folder; whatever the block sets in the environment ends with it.

    A small bench, which measures nothing, uses the servers that the environment names.
    """
    before = dict(os.environ)
    for name in before:
        if name.startswith(OURS) and name not in KEPT:
            del os.environ[name]
    try:
        with TemporaryDirectory(prefix="leeway-bench-", ignore_cleanup_errors=True) as folder:
            yield Path(folder).resolve()
    finally:
        os.environ.clear()
        os.environ.update(before)
