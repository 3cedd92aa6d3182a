"""A night measured, and what its statistics are made from when it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.drift.noise_model import Quiet, Shift
from tasks.drift.statistics.score_layout import Layout, Means
from tasks.drift.statistics.test_plan import Tested
from tasks.profiles.axis import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Means of every feature, and how far they lie from what their date lets one expect."""

    quiet: Quiet
    found: Means
    shift: Shift


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What the statistics of a night are made from.

    `leeway` has every feature's at level `alpha`; `effect` is the smallest change that matters.
    """

    layout: Layout
    tested: Tested
    measured: Measured
    leeway: Floats
    alpha: float
    effect: float

    @property
    def quiet(self) -> Quiet:
        """What is normal."""
        return self.measured.quiet

    @property
    def found(self) -> Means:
        """The night's means."""
        return self.measured.found

    @property
    def shift(self) -> Shift:
        """How far they have moved."""
        return self.measured.shift
