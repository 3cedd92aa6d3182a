"""A lock on Great Expectations, which is not thread-safe."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Great Expectations has a process-wide current project, and silencing warnings is process-wide as well.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def quiet_great_expectations() -> Iterator[None]:
    """Run a block as the only user of Great Expectations, without analytics and without its internal warnings."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
