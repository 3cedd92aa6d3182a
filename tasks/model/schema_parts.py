"""What a model's schema is made of beside columns: dates, preparation, calibration, deferral - all plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DateKind = Literal["days", "year", "month", "day_of_year", "weekday", "hour"]


@dataclass(frozen=True, slots=True)
class TimeFeature:
    """Event time as a feature: days since `origin` (an ISO date), never beyond `held_at_days`."""

    origin: str
    held_at_days: float


@dataclass(frozen=True, slots=True)
class DatePart:
    """A number read from a column of dates.

    Attributes
    ----------
    column : str
        The column it is read from; several parts may share one.
    kind : {"days", "year", "month", "day_of_year", "weekday", "hour"}
        Days since `origin` with their fraction; 2026; 1 to 12; 1 to 366; 0 (Monday) to 6; 0 to 23. Of a moment that
        names its offset, in UTC.
    origin : str
        An ISO date; only "days" looks at it.
    """

    column: str
    kind: DateKind
    origin: str = "1970-01-01"

    @property
    def name(self) -> str:
        """What the input is called.

        >>> DatePart("sold", "month").name
        'sold:month'
        """
        return f"{self.column}:{self.kind}"


@dataclass(frozen=True, slots=True)
class PreprocessingStep:
    """One prepared input, or several, made of one input of the model.

    Attributes
    ----------
    source : str
        The name of the input.
    kind : {"number", "one_hot", "missing"}
        (value - shift) / scale; a 0 or 1 for each of `values`; or 1 where the value is missing and 0 elsewhere.
    fill : float or None
        What stands in for a missing value, before anything else; None leaves it missing.
    values : tuple of (float or None)
        The codes that "one_hot" tells apart, each with a column of its own; None is a missing value. A code that is not
        among them is 0 everywhere.
    """

    source: str
    kind: Literal["number", "one_hot", "missing"] = "number"
    fill: float | None = None
    shift: float = 0.0
    scale: float = 1.0
    values: tuple[float | None, ...] = ()

    @property
    def width(self) -> int:
        """How many columns it makes."""
        return len(self.values) if self.kind == "one_hot" else 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a score to a probability that holds what it says, as a plain table.

    Attributes
    ----------
    kind : {"sigmoid", "isotonic"}
        1 / (1 + exp(-(slope * score + intercept))); or straight lines between the points (scores[i],
        probabilities[i]), flat beyond the first and the last.
    slope, intercept : float
        Of "sigmoid". Where Platt's form is 1 / (1 + exp(a * score + b)), slope is -a and intercept is -b.
    scores, probabilities : tuple of float
        Of "isotonic": the thresholds of a fitted isotonic regression, scores ascending.
    """

    kind: Literal["sigmoid", "isotonic"]
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """The error to expect of a prediction: means of past errors in cells of predictions and leading inputs.

    Attributes
    ----------
    inputs : tuple of str
        The leading inputs, by name.
    edges : tuple of tuple of float
        Inner edges of the cells, ascending: first those of the prediction, then those of each input. A value on an edge
        belongs to the cell above it.
    errors : tuple of float
        Mean error of each cell, the last input's cells next to one another. An input has one cell more than the edges
        say, the last one, for missing values.
    """

    inputs: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    errors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Deferral:
    """When the model passes a row to a person, and what it promises about the rows it keeps.

    Attributes
    ----------
    threshold : float or None
        Rows of lower confidence are passed on; None when no confidence is enough, and every row is passed on.
    target_error : float
        What the error of the automated part had to stay below: a share of wrong answers, or the metric's mean loss.
    share, error, error_bound : float
        On the rows the rule was found on: automated share, its error, and that error's upper confidence bound.
    confidence_level : float
        How sure the bound is.
    rows : int
        Rows the rule was found on.
    errors : ErrorTable or None
        What a regression's confidence is read from.
    typical : tuple of (float or None)
        A typical value of each input, in their order: what a reason compares a row with. None is a missing value.
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
