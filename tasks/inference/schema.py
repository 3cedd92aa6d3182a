"""ModelSchema: the meaning of a model file - columns, tables, time, level, link, calibration - as JSON.

PROTOCOL is the number of the format. To change the format: raise it, let `from_json` read every older number, and keep
a frozen file of the old format under tests/unit/model/frozen with a test that reads it.

1   columns, category tables, event time, level, link.
2   several classes, probabilities, dates, preprocessing, calibration, threshold, deferral, and skops files.
3   year and day of the year of a date; tables of several classes map log odds (no version had such tables before).
4   the interval of predictions.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tasks.errors import EvidenceError
from tasks.inference.schema_parts import (
    Calibration,
    ConformalInterval,
    DatePart,
    Deferral,
    ErrorTable,
    PreprocessingStep,
    TimeFeature,
)

SCHEMA_FILE = "schema.json"
PROTOCOL = 4
READABLE = (1, 2, 3, 4)
Link = Literal["identity", "exp", "logistic", "softmax"]
Task = Literal["regression", "binary", "multiclass"]
Format = Literal["onnx", "skops"]
Output = Literal["score", "probability"]


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """How a frame becomes the input of a model, and the output of the model a prediction.

    Attributes
    ----------
    numbers, booleans : tuple of str
        Columns read as numbers and as 0 or 1, in the order of the inputs.
    categories : dict of str to tuple of str
        Values of each category column in the order of their codes in the fitted encoder.
    event_time : str
        Column of the event time; read only when `time` is set.
    time : TimeFeature or None
        How the event time becomes the last input; None if the model does not use it.
    offset : float or tuple of float
        Level correction, added on the scale of the model; one number for each of several classes.
    link : {"identity", "exp", "logistic", "softmax"}
        From the scale of the model to label units, to P(class 1), or to the probability of each class.
    function : str or None
        Import path of the feature function of the project, applied before the columns are read.
    trained_from, trained_until : str or None
        First and last event date of the training rows, ISO; comparisons need newer rows.
    recipe : dict
        How the model was trained, for readers.
    format : {"onnx", "skops"}
        Format of the model file.
    estimator : str
        Import path of the trained class.
    classes : tuple of str or float
        The labels of a classifier, in the order of its outputs.
    output : {"score", "probability"}
        Output of the model file. Probabilities are converted to the scale of the model by their log odds, or by their
        logarithm for more than two classes.
    dates : tuple of DatePart
        Inputs from dates; they follow the categories.
    steps : tuple of PreprocessingStep
        Imputation, scaling and encoding of the inputs, in the order of the columns of the model; without steps, it
        receives the inputs as they are.
    calibration : tuple of Calibration
        One table for P(class 1), or one for each class; without tables, the link is used.
    threshold : float or None
        Smallest P(class 1) at which the decision is class 1; None is one half.
    deferral : Deferral or None
        When a row goes to a person; None for no deferral.
    interval : ConformalInterval or None
        How far the interval of a prediction reaches; None for no intervals.
    block_rows : int
        Rows scored at once, so that intermediate results stay below about 100 MB.
    """

    project: str
    task: Task
    metric: str
    event_time: str
    numbers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    time: TimeFeature | None = None
    offset: float | tuple[float, ...] = 0.0
    link: Link = "identity"
    function: str | None = None
    trained_from: str | None = None
    trained_until: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    format: Format = "onnx"
    estimator: str = ""
    classes: tuple[str | float, ...] = ()
    output: Output = "score"
    dates: tuple[DatePart, ...] = ()
    steps: tuple[PreprocessingStep, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    threshold: float | None = None
    deferral: Deferral | None = None
    interval: ConformalInterval | None = None
    block_rows: int = 65_536

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in order: columns, parts of dates, and the event time if it is used.

        Examples
        --------
        >>> sold = (DatePart("sold", "month"), DatePart("sold", "weekday"))
        >>> ModelSchema("demo", "regression", "mean_absolute_error", "day", numbers=("area",), dates=sold).inputs
        ['area', 'sold:month', 'sold:weekday']
        """
        dates = [part.name for part in self.dates]
        return [*self.numbers, *self.booleans, *self.categories, *dates, *([self.event_time] if self.time else [])]

    @property
    def columns(self) -> list[str]:
        """Columns that a frame must have; without dates, these are the inputs."""
        dates = [part.column for part in self.dates]
        columns = [*self.numbers, *self.booleans, *self.categories, *dates, *([self.event_time] if self.time else [])]
        return list(dict.fromkeys(columns))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of several classes, in the order of the probabilities; empty for numbers and for two classes."""
        return tuple(str(name) for name in self.classes) if self.task == "multiclass" else ()

    def to_json(self) -> str:
        """Return the schema as JSON text; equal schemas give equal texts.

        Examples
        --------
        >>> schema = ModelSchema("demo", "binary", "log_loss", "day", categories={"plan": ("free", "paid")})
        >>> ModelSchema.from_json(schema.to_json()) == schema
        True
        """
        return json.dumps({"protocol": PROTOCOL, **asdict(self)}, indent=1, sort_keys=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelSchema:
        """Read a schema from the text of `to_json`, of this or an older protocol.

        Raises
        ------
        EvidenceError
            The text is no schema, or has an unknown protocol.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            protocol = content.pop("protocol")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvidenceError(
                f"found no model schema ({error!r}); expected JSON with a protocol number. Register the version again."
            ) from error
        if protocol not in READABLE:
            raise EvidenceError(
                f"found model schema protocol {protocol!r}; this Leeway reads {list(READABLE)}. "
                "Install the version that wrote it."
            )
        try:
            return cls(**_records(content))
        except (TypeError, KeyError, AttributeError) as error:
            raise EvidenceError(
                f"found a damaged model schema ({error}); expected what protocol {protocol} names. "
                "Register the version again."
            ) from error


def _records(content: dict[str, Any]) -> dict[str, Any]:
    """Return the records of JSON lists and objects; protocol 1 lacks the newer ones."""
    offset = content["offset"]
    return content | {
        "numbers": tuple(content["numbers"]),
        "booleans": tuple(content["booleans"]),
        "categories": {column: tuple(values) for column, values in content["categories"].items()},
        "time": TimeFeature(**content["time"]) if content["time"] else None,
        "offset": tuple(offset) if isinstance(offset, list) else offset,
        "classes": tuple(content.get("classes", ())),
        "dates": tuple(DatePart(**record) for record in content.get("dates", ())),
        "steps": tuple(
            PreprocessingStep(**record | {"values": tuple(record["values"])}) for record in content.get("steps", ())
        ),
        "calibration": tuple(_calibration(record) for record in content.get("calibration", ())),
        "deferral": _deferral(content["deferral"]) if content.get("deferral") else None,
        "interval": _interval(content["interval"]) if content.get("interval") else None,
    }


def _calibration(content: dict[str, Any]) -> Calibration:
    points = {name: tuple(content[name]) for name in ("scores", "probabilities")}
    return Calibration(**content | points)


def _interval(content: dict[str, Any]) -> ConformalInterval:
    return ConformalInterval(**content | {"reaches": tuple(content["reaches"])})


def _deferral(content: dict[str, Any]) -> Deferral:
    table = content["errors"]
    if table:
        edges = tuple(tuple(column_edges) for column_edges in table["edges"])
        table = ErrorTable(tuple(table["inputs"]), edges, tuple(table["errors"]))
    return Deferral(**content | {"errors": table, "typical": tuple(content["typical"])})
