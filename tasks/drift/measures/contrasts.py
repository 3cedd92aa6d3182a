"""Contrasts: weighted sums of the shares of a number column's cells, compared as features of their own.

A contrast is sharper than the shape of a column where it is known in which way the cells may move together. The first
is the spread: the mean of |2u - 1| over rows, u being the rank among the values of the reference (Ansari and Bradley,
Annals of Mathematical Statistics 31, 1960). Inputs that begin to depend on each other in another way keep the level and
the shape of each, but the answers of the champion to them have another spread.

A period of a reference stores the sums of its cells, so that the swing of a contrast needs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.measures.drift_statistics import SCALE_OF_U
from tasks.drift.measures.score_layout import CELL, ScoreLayout
from tasks.drift.noise_model import NoiseModel, fit_noise_model, resemblance_of_blocks
from tasks.drift.period_scatter import ScoreMoments
from tasks.drift.reference import Reference
from tasks.profiles import TableProfile
from tasks.records import DriftStatistic, Statistic

CONTRAST = 3  # a kind of feature next to those of a layout


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Contrasts of number columns: `weights` has a row for each feature of a layout, `column` the column of each."""

    weights: FloatArray
    column: IntArray

    def measured(self, layout: ScoreLayout, sums: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sums and rows of all features, those of the contrasts last."""
        first = [int(np.flatnonzero(_cells_of(layout, column))[0]) for column in self.column.tolist()]
        return np.concatenate([sums, sums @ self.weights], axis=-1), np.concatenate([rows, rows[..., first]], axis=-1)

    def moments(self, layout: ScoreLayout) -> ScoreMoments:
        """Return the moments of the score of one row, of all features."""
        share = np.where((layout.statistic == CELL)[:, None], layout.mean[:, None], 0.0)
        of_column = np.stack([_cells_of(layout, column) for column in self.column.tolist()], axis=1)
        share = np.where(of_column, share, 0.0)
        mean = (share * self.weights).sum(axis=0)
        centred = self.weights - mean
        variance = np.maximum((share * centred**2).sum(axis=0), 0.25 / (layout.rows.max() + 1))
        third, fourth = ((share * centred**power).sum(axis=0) / variance ** (power / 2) for power in (3, 4))
        own = layout.mean, layout.variance, layout.skewness, layout.kurtosis
        added = mean, variance, third, np.maximum(fourth - 3, -2.0)
        return ScoreMoments(*(np.concatenate(pair) for pair in zip(own, added, strict=True)))


def spread_model(reference: Reference, window_days: int) -> tuple[Contrasts, NoiseModel]:
    """Return the spread of each column, and how every feature varies without drift, those of the spread last."""
    layout = reference.layout
    contrasts = spread_of(layout)
    if not len(contrasts.column):
        return contrasts, reference.noise_model(window_days)
    least: FloatArray | float = 0.0
    if reference.shows_days(window_days):
        least = resemblance_of_blocks(reference.kept("spread", 1, lambda: spread_model(reference, 1))[1], window_days)
    starts, sums, rows = reference.periods(window_days)
    kinds = np.concatenate([layout.statistic, np.full(len(contrasts.column), CONTRAST)])
    all_sums, all_rows = contrasts.measured(layout, sums, rows)
    moments = contrasts.moments(layout)
    return contrasts, fit_noise_model(starts, all_sums, all_rows, moments, kinds, resemblance=least)


def spread_of(layout: ScoreLayout) -> Contrasts:
    """Return the spread of each number column that has cells: the distance of a cell's middle rank from one half."""
    columns = [column for column in range(len(layout.numbers)) if _cells_of(layout, column).any()]
    weights = np.zeros((len(layout.statistic), len(columns)))
    for place, column in enumerate(columns):
        cells = _cells_of(layout, column)
        share = layout.mean[cells]
        weights[cells, place] = np.abs(2 * np.cumsum(share) - share - 1)
    return Contrasts(weights, np.array(columns, dtype=np.int64))


def spread_statistics(
    reference: Reference, window: tuple[TableProfile, date, int], effect: float, alpha: float
) -> list[DriftStatistic]:
    """Return by how much the spread of each number column differs from that of the reference, in its deviations.

    Parameters
    ----------
    window : (TableProfile, date, int)
        The newest rows, their first day, and the length of the window in days.
    effect : float
        Smallest change that matters.
    alpha : float
        False-alarm probability of one statistic.
    """
    rows, day, days = window
    layout = reference.layout
    contrasts, model = reference.kept("spread", days, lambda: spread_model(reference, days))
    if not len(contrasts.column):
        return []
    means = layout.means(rows)
    shift = model.shift(*contrasts.measured(layout, means.sums, means.rows), day)
    last = slice(-len(contrasts.column), None)
    leeway = np.maximum(model.leeway(shift, alpha)[last] * SCALE_OF_U, effect)
    moved = shift.shift[last] * SCALE_OF_U
    return [
        DriftStatistic(layout.names[column], Statistic.SPREAD, abs(distance), limit, direction=int(np.sign(distance)))
        for column, distance, limit in zip(contrasts.column.tolist(), moved.tolist(), leeway.tolist(), strict=True)
    ]


def _cells_of(layout: ScoreLayout, column: int) -> np.ndarray:
    return np.asarray((layout.statistic == CELL) & (layout.column == column))
