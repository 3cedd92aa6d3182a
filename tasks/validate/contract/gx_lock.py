"""Great Expectations, held for one caller at a time."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Great Expectations keeps a process-wide current project, and silencing warnings is process-wide as well.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def quiet_great_expectations() -> Iterator[None]:
    """Hold Great Expectations for one caller: no analytics, no warnings from its inside, no second thread."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
