"""Volume faults: short deliveries and duplicated rows, which the profiles of columns do not show."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import HashArray
from tasks.drift.faults.rare_values import JEFFREYS
from tasks.drift.quantiles import student_quantile
from tasks.records import Suspicion
from tasks.render.values import counted

FEWEST_DELIVERIES = 5
FEWEST_REPEATED = 5  # rows: repeats come in groups, so that a few of them are one event, and no rate
RARE = 1e-4  # of a delivery: .04 in a year of nights, a hundredth of the default budget of false alarms


@dataclass(frozen=True, slots=True)
class RepeatedRows:
    """The share of a delivery's rows that repeat another of them, and how many rows it has."""

    share: float
    rows: int


def row_hashes(frame: pd.DataFrame, categories: Collection[str]) -> HashArray:
    """Return a hash of 64 bits for each row: that of equal rows is equal, and that of others almost surely is not.

    Among a million different rows, two have the same hash in one case of 37 million.

    Parameters
    ----------
    frame : DataFrame
        The columns to compare, in the same order each time.
    categories : collection of str
        Its columns that are texts; all others are compared as doubles, so that rows that are read in pieces, in which a
        column may be of whole numbers, are comparable. One that is of texts now, because its kind was changed since, is
        compared as it is. Missing equals missing.
    """
    comparable = {
        name: column.astype("str")
        if name in categories or isinstance(column.dtype, pd.StringDtype)
        else column.to_numpy(np.float64, na_value=np.nan) + 0.0
        for name, column in frame.items()
    }
    columns = pd.DataFrame(comparable, index=frame.index, copy=False)
    hashes = pd.util.hash_pandas_object(columns, index=False)
    return np.asarray(hashes, dtype=np.uint64)


def repeated_rows(hashes: HashArray) -> RepeatedRows:
    """Return how many rows repeat another one, value for value.

    Parameters
    ----------
    hashes : array of uint64
        Those of all rows of a delivery, in any order.

    Examples
    --------
    The third row repeats the first.

    >>> frame = pd.DataFrame({"a": [1, 2, 1, 3], "b": ["x", "x", "x", "x"]})
    >>> repeated_rows(row_hashes(frame, ["b"]))
    RepeatedRows(share=0.25, rows=4)
    """
    rows, ordered = len(hashes), np.sort(hashes)
    return RepeatedRows(int((ordered[1:] == ordered[:-1]).sum()) / max(rows, 1), rows)


def truncated_delivery(
    rows: int, earlier: Sequence[int], alpha: float, known: Sequence[float] = ()
) -> Suspicion | None:
    """Return a suspicion when a delivery has less than half of the usual rows, and fewer than chance explains.

    Parameters
    ----------
    rows : int
        Rows delivered.
    earlier : sequence of int
        Rows of earlier deliveries, of the same weekday where weekdays differ; at least five are needed.
    alpha : float
        Probability that a usual delivery is called short. The logarithms of the counts are assumed to be normal.
    known : sequence of float
        Sizes of odd deliveries that were no fault, as shares of the usual size: another such day is none either.

    Examples
    --------
    >>> truncated_delivery(40, [100, 104, 96, 102, 98], alpha=0.001).evidence
    '40 rows came where 100 are usual'
    >>> truncated_delivery(1, [100, 104, 96, 102, 98], alpha=0.001).evidence
    '1 row came where 100 are usual'
    >>> truncated_delivery(40, [100, 104, 96, 102, 98], alpha=0.001, known=[0.41]) is None
    True
    >>> truncated_delivery(90, [100, 104, 96, 102, 98], alpha=0.001) is None
    True
    """
    if len(earlier) < FEWEST_DELIVERIES:
        return None
    logs = np.log(np.maximum(np.asarray(earlier, dtype=np.float64), 1.0))
    usual = float(np.exp(logs.mean()))
    spread = max(float(logs.std(ddof=1)), 1 / math.sqrt(usual)) * math.sqrt(1 + 1 / len(logs))
    lack = float(logs.mean()) - math.log(max(rows, 0.5))
    margin = student_quantile(2 * alpha, len(logs) - 1) * spread
    if lack < math.log(2) or lack < margin + max((-math.log(share) for share in known if share > 0), default=0.0):
        return None
    return Suspicion(
        "truncated", (), f"{counted(rows, 'row')} came where {usual:,.0f} are usual", {"rows": rows, "usual": usual}
    )


def repeated_suspicion(found: RepeatedRows, before: RepeatedRows, effect: float) -> Suspicion | None:
    """Detect repeated rows: a larger share of them than before or, where there were none, more than chance gives.

    Parameters
    ----------
    found, before : RepeatedRows
        Those of a delivery, and those of the reference.
    effect : float
        Smallest share of rows that matters.

    Examples
    --------
    >>> before = RepeatedRows(0.0, 20_000)
    >>> [repeated_suspicion(RepeatedRows(share, 200), before, 0.1) is None for share in (0.05, 0.01)]
    [False, True]
    """
    count, expected, rows = found.share * found.rows, before.share * found.rows, (found.rows, before.rows)
    rare = expected < 1 and count >= FEWEST_REPEATED and _chance(count, before.share * before.rows, rows) < RARE
    if found.share - before.share <= effect and not rare:
        return None
    return Suspicion(
        "duplicated_rows",
        (),
        f"{found.share:.0%} of the rows repeat another row, {before.share:.0%} before",
        {"share": found.share, "share_before": before.share},
    )


def _chance(count: float, before: float, rows: tuple[int, int]) -> float:
    """Return the probability of so many repeated rows, or more, after those of the reference (see `rare_values`)."""
    from scipy.special import betainc

    return float(betainc(count, before + JEFFREYS, rows[0] / max(rows[0] + rows[1], 1)))
