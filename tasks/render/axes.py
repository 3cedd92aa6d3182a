"""The axes of a chart: where a night or a number is drawn, and the labels of the axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol, TypeVar

from tasks.render.values import axis_label

HEIGHT = 100
WIDTH = 100
TICKS = 4
STEPS = (1, 2, 2.5, 5, 10)
HEADROOM = 0.05  # of the range, at both ends of what is drawn
EDGE = 0.04  # of the width: a label nearer to an end than this is aligned with the end

X_contra = TypeVar("X_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """A label under the axis, `at` percent of the width; it is moved left by `shift` percent of its own length."""

    text: str
    at: float
    shift: int = 50


class Span(Protocol[X_contra]):
    """A horizontal axis: what is measured, and where it is drawn between 0 and `width`."""

    @property
    def width(self) -> int:
        """Width of the drawing."""

    @property
    def labels(self) -> list[AxisLabel]:
        """Labels under the axis."""

    def middle(self, x: X_contra) -> float:
        """Return where a point is drawn."""


@dataclass(frozen=True, slots=True)
class NightSpan:
    """The nights drawn, from the first to the last, both included; a night is 1 wide."""

    first: date
    last: date

    @property
    def width(self) -> int:
        """Number of nights."""
        return (self.last - self.first).days + 1

    @property
    def labels(self) -> list[AxisLabel]:
        """The first, the middle and the last night."""
        middle = self.first + timedelta(days=self.width // 2)
        nights = list(dict.fromkeys((self.first, middle, self.last)))
        return [_label(f"{night}", self.at(night) / max(self.width - 1, 1)) for night in nights]

    def at(self, night: date) -> int:
        """Return where a night begins."""
        return (night - self.first).days

    def middle(self, x: date) -> float:
        """Return the middle of a night."""
        return self.at(x) + 0.5


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """A range of numbers."""

    low: float
    high: float

    @property
    def width(self) -> int:
        """Width of the drawing."""
        return WIDTH

    @property
    def labels(self) -> list[AxisLabel]:
        """Round numbers."""
        return [_label(axis_label(value), self.middle(value) / WIDTH) for value in ticks(self.low, self.high)]

    def middle(self, x: float) -> float:
        """Return where a number is drawn."""
        return round(WIDTH * (x - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True, slots=True)
class Scale:
    """A vertical axis from `low` at the bottom to `high` at the top, where y is 0."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Return where a value is drawn; outside the range, at its end."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT * (1 - min(max(share, 0.0), 1.0)), 1)


def padded(values: Iterable[float]) -> tuple[float, float]:
    """Return a range with some room at both ends.

    Examples
    --------
    >>> padded([0, 100]), padded([0])
    ((-5.0, 105.0), (-1.0, 1.0))
    """
    known = list(values)
    low, high = min(known), max(known)
    room = (high - low) * HEADROOM or abs(high) * HEADROOM or 1.0
    return low - room, high + room


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers inside a range, about four.

    Examples
    --------
    >>> ticks(0, 1), ticks(0.12, 0.17)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.12, 0.13, 0.14, 0.15, 0.16, 0.17])
    """
    size = (high - low) / TICKS
    unit = 10 ** math.floor(math.log10(size))
    step = min((unit * factor for factor in STEPS), key=lambda candidate: abs(candidate - size))
    multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [float(f"{multiple * step:.15g}") for multiple in multiples]


def _label(text: str, share: float) -> AxisLabel:
    shift = 0 if share < EDGE else 100 if share > 1 - EDGE else 50
    return AxisLabel(text, round(100 * share, 1), shift)
