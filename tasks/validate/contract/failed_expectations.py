"""Runs a suite on the typed rows of several deliveries.

A run costs about 5 ms an expectation whatever the number of rows, so several deliveries share one run for every
expectation that looks at each row by itself; the others (counts, means, uniqueness) are asked of each delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pandas as pd

from tasks.arrays import IntArray
from tasks.validate.contract.expectation_scope import parted
from tasks.validate.contract.expectations import FailedExpectation, evaluate
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite import Suite


def breaches(frames: Sequence[pd.DataFrame], suite: Suite) -> list[list[FailedExpectation]]:
    """Return, for each frame, the expectations that do not hold in it; the same as asking frame by frame.

    Parameters
    ----------
    frames : sequence of DataFrame
        Typed rows with the same columns in each; frames without rows are asked too.
    suite : Suite
        Expectations about those columns.

    Raises
    ------
    ContractError
        When an expectation cannot be computed, such as a range of a text column.
    """
    if not suite.expectations or not frames:
        return [[] for _ in frames]
    plain = [frame.reset_index(drop=True) for frame in frames]
    with quiet_great_expectations():
        if len(plain) == 1:
            return [evaluate(plain[0], suite)]
        shared, own = parted(suite)
        found = [evaluate(frame, own) for frame in plain]
        for breach in evaluate(pd.concat(plain, ignore_index=True), shared):
            for each, rows in zip(found, _per_frame(breach.rows, plain), strict=True):
                if len(rows):
                    each.append(FailedExpectation(breach.expectation, breach.severity, rows))
    order = {id(each): number for number, each in enumerate(suite.expectations)}
    return [sorted(each, key=lambda breach: order[id(breach.expectation)]) for each in found]


def _per_frame(rows: IntArray | None, frames: Sequence[pd.DataFrame]) -> list[IntArray]:
    """Return the positions in each frame of positions in all of them put together."""
    if rows is None:
        raise TypeError("an expectation about each row by itself came back without rows")
    starts = [0, *accumulate(len(frame) for frame in frames)]
    cuts = np.searchsorted(rows, starts)
    return [rows[low:high] - start for low, high, start in zip(cuts, cuts[1:], starts, strict=False)]
