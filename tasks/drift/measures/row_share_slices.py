"""Local slices: one category or one range of a column has more rows than it had, or fewer, and the rest is as before.

A shape adds up what all cells of a column do, so it is slow to see one of them move alone, and cannot say which. Here
every cell is looked at by itself, the column's share of the false-alarm budget shared by its cells (Bonferroni). A
slice is local when the other cells keep the proportions they had among themselves: up to chance (Pearson's chi-squared,
one in twenty), or by less than what matters. Of two cells each is the other's rest, so three are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.faults.stale_dates import days_before
from tasks.drift.measures.measured_window import WindowAtLevel
from tasks.drift.measures.score_layout import CELL, ScoreLayout
from tasks.profiles import NumberProfile, TableProfile
from tasks.profiles.axis import bin_edges
from tasks.records import DriftStatistic, Statistic

FEWEST_CELLS = 3
DOUBTFUL = 0.05


def sliced_columns(layout: ScoreLayout) -> int:
    """Return how many columns have slices to look at."""
    return int((_cell_counts(layout) >= FEWEST_CELLS).sum())


def single_slice_shifts(night: WindowAtLevel, total: TableProfile) -> Iterator[DriftStatistic]:
    """Yield, of each column in which only one slice moved, and past its leeway, that slice.

    Parameters
    ----------
    night : Night
        As measured.
    total : TableProfile
        The reference's, by which slices are named.
    """
    layout = night.layout
    cells = np.flatnonzero(layout.statistic == CELL)
    owner = layout.column[cells]
    looked = _cell_counts(layout)[owner] >= FEWEST_CELLS
    if not looked.any():
        return
    alpha = night.alpha * sliced_columns(layout) / int(looked.sum())
    limit = np.maximum(night.quiet.leeway(night.shift, alpha)[cells], night.effect)
    strain = np.where(looked, np.abs(night.shift.shift[cells]) / limit, 0.0)
    for column in np.unique(owner[strain > 1]):
        mine = np.flatnonzero(owner == column)
        worst = int(strain[mine].argmax())
        if _alone(night, cells[mine], worst):
            at, moved = mine[worst], float(night.shift.shift[cells[mine[worst]]])
            name = slice_name(layout, total, int(column), worst)
            direction = int(np.sign(moved))
            yield DriftStatistic(
                layout.names[column], Statistic.SLICE, abs(moved), float(limit[at]), direction=direction, where=name
            )


def slice_name(layout: ScoreLayout, total: TableProfile, column: int, cell: int) -> str:
    """Return the slice of a column, counted from its first, in words: `plan is 'pro'`, `area from 12 to 14.5`."""
    name = layout.names[column]
    if column >= len(layout.numbers):
        return f"{name} is {layout.known[column - len(layout.numbers)].name_of(cell)}"
    profile, table = total.columns[name], layout.table
    if not isinstance(profile, NumberProfile):
        return name
    of_bin = table.cell[table.first[column] : table.last[column]]
    mine = profile.bins[of_bin == of_bin[0] + cell]
    low, high = (profile.axis.center + profile.axis.scale * each for each in bin_edges(mine))
    first, last = of_bin[0] == of_bin[0] + cell, of_bin[-1] == of_bin[0] + cell
    if name in total.ruler.dates:
        return f"{name}, {days_before(low[0], high[-1])}"
    if first or last:
        return f"{name} up to {high[-1]:.4g}" if first else f"{name} from {low[0]:.4g}"
    return f"{name} from {low[0]:.4g} to {high[-1]:.4g}"


def _alone(night: WindowAtLevel, cells: IntArray, worst: int) -> bool:
    """Tell whether the other cells keep their proportions while one of them moves."""
    rest = np.delete(cells, worst)
    now = (night.found.sums / np.maximum(night.found.rows, 1.0))[rest]
    before = now - night.shift.shift[rest]
    if now.sum() <= 0 or before.sum() <= 0:
        return False
    moved = now - before * now.sum() / before.sum()
    unit = np.hypot(night.shift.noise, night.shift.swing)[rest]
    by_chance = float((moved / unit) @ (moved / unit)) <= _chi_squared(len(rest) - 1)
    return by_chance or float(np.abs(moved).sum() / 2) <= night.effect


def _cell_counts(layout: ScoreLayout) -> FloatArray:
    """Return how many cells each column has."""
    owner = layout.column[layout.statistic == CELL]
    return np.bincount(owner, minlength=len(layout.names)).astype(np.float64)


@lru_cache(maxsize=64)
def _chi_squared(degrees: int) -> float:
    from scipy.special import chdtri

    return float(chdtri(degrees, DOUBTFUL))
