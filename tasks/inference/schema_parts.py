"""Parts of a model schema: dates, preprocessing, calibration, intervals, deferral, all as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tasks.arrays import FloatArray

DateKind = Literal["days", "year", "month", "day_of_year", "weekday", "hour"]


@dataclass(frozen=True, slots=True)
class TimeFeature:
    """Event time as a feature: days since `origin` (an ISO date), capped at `held_at_days`."""

    origin: str
    held_at_days: float


@dataclass(frozen=True, slots=True)
class DatePart:
    """A number from a date column.

    Attributes
    ----------
    column : str
        The date column; several parts may use the same.
    kind : {"days", "year", "month", "day_of_year", "weekday", "hour"}
        Days since `origin` with their fraction; 2026; 1 to 12; 1 to 366; 0 (Monday) to 6; 0 to 23. Times with
        an offset are converted to UTC.
    origin : str
        An ISO date; used by "days" only.
    """

    column: str
    kind: DateKind
    origin: str = "1970-01-01"

    @property
    def name(self) -> str:
        """Name of the input.

        >>> DatePart("sold", "month").name
        'sold:month'
        """
        return f"{self.column}:{self.kind}"


@dataclass(frozen=True, slots=True)
class PreprocessingStep:
    """One or several preprocessed columns, from one input of the model.

    Attributes
    ----------
    source : str
        Name of the input.
    kind : {"number", "one_hot", "missing"}
        (value - shift) / scale; a 0 or 1 for each of `values`; or 1 where the value is missing and 0 elsewhere.
    fill : float or None
        Replaces missing values, before anything else; None keeps them.
    values : tuple of (float or None)
        Codes of "one_hot", each with its own column; None is a missing value. Other codes are 0 in all columns.
    """

    source: str
    kind: Literal["number", "one_hot", "missing"] = "number"
    fill: float | None = None
    shift: float = 0.0
    scale: float = 1.0
    values: tuple[float | None, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.values) if self.kind == "one_hot" else 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """A table from scores to calibrated probabilities.

    Attributes
    ----------
    kind : {"sigmoid", "isotonic"}
        1 / (1 + exp(-(slope * score + intercept))); or straight lines between the points (scores[i],
        probabilities[i]), flat beyond the first and the last.
    slope, intercept : float
        For "sigmoid". Where Platt's form is 1 / (1 + exp(a * score + b)), slope is -a and intercept is -b.
    scores, probabilities : tuple of float
        For "isotonic": the thresholds of a fitted isotonic regression, scores ascending.
    """

    kind: Literal["sigmoid", "isotonic"]
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class ErrorTable:
    """The expected error of a prediction: means of past errors in cells of predictions and leading inputs.

    Attributes
    ----------
    inputs : tuple of str
        Names of the leading inputs.
    edges : tuple of tuple of float
        Inner edges of the cells, ascending: first those of the prediction, then those of each input. A value on an edge
        belongs to the cell above it.
    errors : tuple of float
        Mean error of each cell; the cells of the last input are adjacent. An input has one more cell than its edges
        define, the last one, for missing values.
    """

    inputs: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    errors: tuple[float, ...]

    @cached_property
    def edge_arrays(self) -> tuple[FloatArray, ...]:
        """The edges as arrays."""
        return tuple(np.asarray(column_edges, dtype=np.float64) for column_edges in self.edges)

    @cached_property
    def error_array(self) -> FloatArray:
        """The errors as an array."""
        return np.asarray(self.errors, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ConformalInterval:
    """How far the interval of a prediction reaches on either side, on the scale of the model.

    Attributes
    ----------
    share : float
        Share of the labels that are to be inside.
    reach : float
        Of rows without a reach of their own.
    rows : int
        Residuals of the fit.
    by : str or None
        A category among the inputs; each of its values has a reach of its own.
    reaches : tuple of float
        Of each value of that category, in the order of its codes.
    """

    share: float
    reach: float
    rows: int
    by: str | None = None
    reaches: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Deferral:
    """When a row goes to a person, and the guaranteed error of the automated rows.

    Attributes
    ----------
    threshold : float or None
        Rows of lower confidence are deferred; None defers every row.
    target_error : float
        Upper limit of the error of the automated rows: a share of wrong decisions, or the mean loss.
    share, error, error_bound : float
        On the rows of the fit: automated share, its error, and the upper confidence bound of that error.
    confidence_level : float
        Confidence level of the bound.
    rows : int
        Rows of the fit.
    errors : ErrorTable or None
        Expected errors of a regression, which determine its confidence.
    typical : tuple of (float or None)
        Typical value of each input, with which explanations compare a row. None is a missing value.
    """

    threshold: float | None
    target_error: float
    share: float
    error: float
    error_bound: float
    confidence_level: float
    rows: int
    errors: ErrorTable | None = None
    typical: tuple[float | None, ...] = ()
