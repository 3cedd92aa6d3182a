"""A night measured, and what its statistics are made from when it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.arrays import FloatArray
from tasks.drift.measures.monitored_statistics import MonitoredStatistics
from tasks.drift.measures.score_layout import ScoreLayout, WindowMeans
from tasks.drift.noise_model import ExpectedShift, NoiseModel


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredWindow:
    """Means of every feature, and how far they lie from what their date lets one expect."""

    quiet: NoiseModel
    found: WindowMeans
    shift: ExpectedShift


@dataclass(frozen=True, slots=True, eq=False)
class WindowAtLevel:
    """What the statistics of a night are made from.

    `leeway` has every feature's at level `alpha`; `effect` is the smallest change that matters.
    """

    layout: ScoreLayout
    tested: MonitoredStatistics
    measured: MeasuredWindow
    leeway: FloatArray
    alpha: float
    effect: float

    @property
    def quiet(self) -> NoiseModel:
        """What is normal."""
        return self.measured.quiet

    @property
    def found(self) -> WindowMeans:
        """The night's means."""
        return self.measured.found

    @property
    def shift(self) -> ExpectedShift:
        """How far they have moved."""
        return self.measured.shift
