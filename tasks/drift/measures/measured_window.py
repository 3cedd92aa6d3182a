"""A measured window, and the window with the level at which it is compared."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.arrays import FloatArray
from tasks.drift.measures.monitored_statistics import MonitoredStatistics
from tasks.drift.measures.score_layout import ScoreLayout, WindowMeans
from tasks.drift.noise_model import ExpectedShift, NoiseModel


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredWindow:
    """The means of every feature, and their shifts from the means that the date predicts."""

    noise_model: NoiseModel
    means: WindowMeans
    shift: ExpectedShift


@dataclass(frozen=True, slots=True, eq=False)
class WindowAtLevel:
    """A measured window with the leeway of every feature at level `alpha`.

    `effect` is the smallest change that matters.
    """

    layout: ScoreLayout
    tested: MonitoredStatistics
    measured: MeasuredWindow
    leeway: FloatArray
    alpha: float
    effect: float

    @property
    def noise_model(self) -> NoiseModel:
        """The noise model of the reference."""
        return self.measured.noise_model

    @property
    def means(self) -> WindowMeans:
        """The means of the window."""
        return self.measured.means

    @property
    def shift(self) -> ExpectedShift:
        """The shifts of the means."""
        return self.measured.shift
