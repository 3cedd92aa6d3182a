"""What the workers of a cluster under test do in addition to their work: say that they have begun, and take their
time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from tasks.monitor.profiling.batch_summaries import PartSummarizer
from tasks.score.answer_columns import Answerer

MARKS = "LEEWAY_TEST_MARKS"
SECONDS = 0.3


def dask_setup(_worker: Any) -> None:
    """Be called by Dask in each worker, before it takes any work."""
    PartSummarizer.summaries = _slow(PartSummarizer.summaries, "profiled")  # type: ignore[assignment]  # only in this process
    Answerer.answered = _slow(Answerer.answered, "answered")  # type: ignore[assignment]  # only in this process


def _slow(work: Callable[[Any, Any], Any], name: str) -> Callable[[Any, Any], Any]:
    @wraps(work)
    def slowly(self: Any, partition: Any) -> Any:
        keys = ",".join(part.batch_id[:8] for part in partition)
        (Path(os.environ[MARKS]) / f"{name}-{os.getpid()}-{keys}").touch()
        time.sleep(SECONDS)
        return work(self, partition)

    return slowly
