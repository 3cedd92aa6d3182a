"""A night measured, before it is judged: means, shifts and leeways of every feature."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.drift.layout import Layout, Means
from tasks.drift.quiet import Quiet, Shift
from tasks.profiles.axis import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What the statistics of a night are made from.

    `leeway` has every feature's at level `alpha`; `effect` is the smallest change that matters.
    """

    layout: Layout
    quiet: Quiet
    found: Means
    shift: Shift
    leeway: Floats
    alpha: float
    effect: float
