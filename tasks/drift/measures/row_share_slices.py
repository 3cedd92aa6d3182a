"""Slices: one category or one range of a column changes its share of rows, and the others keep their proportions.

The shape of a column sums over its cells, so it is slow to detect that one cell moves alone and cannot name it. Here
every cell is tested by itself, and the cells share the column's part of the false-alarm budget (Bonferroni). A slice is
reported when the other cells keep their proportions up to chance (Pearson's chi-squared, one in twenty) or by less than
the effect size. With two cells, each is the rest of the other, so at least three are needed.
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
from tasks.profiles.axis import bin_edges, edge_text
from tasks.records import DriftStatistic, Statistic

FEWEST_CELLS = 3
DOUBTFUL = 0.05


def sliced_columns(layout: ScoreLayout) -> int:
    """Return the number of columns with enough cells for slices."""
    return int((_cell_counts(layout) >= FEWEST_CELLS).sum())


def single_slice_shifts(night: WindowAtLevel, total: TableProfile) -> Iterator[DriftStatistic]:
    """Yield the slice of each column in which only one slice moved past its leeway.

    Parameters
    ----------
    night : Night
        The measured window.
    total : TableProfile
        Profile of the reference, from which slices are named.
    """
    layout = night.layout
    cells = np.flatnonzero(layout.statistic == CELL)
    owner = layout.column[cells]
    counted = _cell_counts(layout)[owner] >= FEWEST_CELLS
    if not counted.any():
        return
    alpha = night.alpha * sliced_columns(layout) / int(counted.sum())
    limit = np.maximum(night.noise_model.leeway(night.shift, alpha)[cells], night.effect)
    strain = np.where(counted, np.abs(night.shift.shift[cells]) / limit, 0.0)
    for column in np.unique(owner[strain > 1]):
        of_column = np.flatnonzero(owner == column)
        worst = int(strain[of_column].argmax())
        if _alone(night, cells[of_column], worst):
            at, moved = of_column[worst], float(night.shift.shift[cells[of_column[worst]]])
            name = slice_name(layout, total, int(column), worst)
            direction = int(np.sign(moved))
            yield DriftStatistic(
                layout.names[column], Statistic.SLICE, abs(moved), float(limit[at]), direction=direction, where=name
            )


def slice_name(layout: ScoreLayout, total: TableProfile, column: int, cell: int) -> str:
    """Return a slice of a column, given its number from 0, in words: `plan is 'pro'`, `area from 12 to 14.5`."""
    name = layout.names[column]
    if column >= len(layout.numbers):
        return f"{name} is {layout.category_cells[column - len(layout.numbers)].name_of(cell)}"
    profile, table = total.columns[name], layout.table
    if not isinstance(profile, NumberProfile):
        return name
    of_bin = table.cell[table.first[column] : table.last[column]]
    bins = profile.bins[of_bin == of_bin[0] + cell]
    low, high = (profile.axis.center + profile.axis.scale * edges for edges in bin_edges(bins))
    first, last = of_bin[0] == of_bin[0] + cell, of_bin[-1] == of_bin[0] + cell
    if name in total.ruler.dates:
        return f"{name}, {days_before(low[0], high[-1])}"
    if first or last:
        return f"{name} up to {edge_text(high[-1])}" if first else f"{name} from {edge_text(low[0])}"
    return f"{name} from {edge_text(low[0])} to {edge_text(high[-1])}"


def _alone(night: WindowAtLevel, cells: IntArray, worst: int) -> bool:
    """Return whether the other cells keep their proportions while one moves."""
    others = np.delete(cells, worst)
    now = (night.means.sums / np.maximum(night.means.rows, 1.0))[others]
    before = now - night.shift.shift[others]
    if now.sum() <= 0 or before.sum() <= 0:
        return False
    moved = now - before * now.sum() / before.sum()
    unit = np.hypot(night.shift.noise, night.shift.swing)[others]
    by_chance = float((moved / unit) @ (moved / unit)) <= _chi_squared(len(others) - 1)
    return by_chance or float(np.abs(moved).sum() / 2) <= night.effect


def _cell_counts(layout: ScoreLayout) -> FloatArray:
    """Return the number of cells of each column."""
    owner = layout.column[layout.statistic == CELL]
    return np.bincount(owner, minlength=len(layout.names)).astype(np.float64)


@lru_cache(maxsize=64)
def _chi_squared(degrees: int) -> float:
    from scipy.special import chdtri

    return float(chdtri(degrees, DOUBTFUL))
