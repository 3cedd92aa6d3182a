"""A lock on Great Expectations, which is not thread-safe, and what makes it cheaper while one thread has it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Great Expectations has a process-wide current project, and silencing warnings is process-wide as well.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def quiet_great_expectations() -> Iterator[None]:
    """Run a block as the only user of Great Expectations, without analytics and without its internal warnings."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _configured_once():
            yield


@contextmanager
def _configured_once() -> Iterator[None]:
    """Let each expectation build its configuration once in the block.

    Great Expectations builds it at every access, some 80 times an expectation and run: half the cost of a run. The
    expectations are kept with their configurations, so that no later one has the address of an earlier one.
    """
    from great_expectations.expectations.expectation import Expectation

    owner: Any = Expectation
    as_built, known = owner.configuration, dict[int, tuple[Expectation, Any]]()

    def configuration(expectation: Expectation) -> Any:
        if id(expectation) not in known:
            known[id(expectation)] = (expectation, as_built.fget(expectation))
        return known[id(expectation)][1]

    owner.configuration = property(configuration)
    try:
        yield
    finally:
        owner.configuration = as_built
