"""ModelSchema: what a model file means - columns, tables, time, level, link, calibration - as JSON beside the file.

PROTOCOL is the format's number. To change the format: raise it, let `from_json` still read every older number, and keep
a frozen file of the old format under tests/unit/model/frozen with a test that reads it.

1   columns, category tables, event time, level, link.
2   several classes, probabilities, dates, preparation, calibration, threshold, deferral, and models kept with skops.
3   year and day of the year of a date; tables of several classes read log odds (no version had such tables before).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tasks.errors import EvidenceError
from tasks.model.schema_parts import Calibration, DatePart, Deferral, ErrorTable, PreprocessingStep, TimeFeature

PROTOCOL = 3
READABLE = (1, 2, 3)
Link = Literal["identity", "exp", "logistic", "softmax"]
Task = Literal["regression", "binary", "multiclass"]
Format = Literal["onnx", "skops"]
Output = Literal["score", "probability"]


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """Everything that turns a frame into the model's input and the model's output into an answer.

    Attributes
    ----------
    numbers, booleans : tuple of str
        Columns read as numbers and as 0 or 1, in the order of the inputs.
    categories : dict of str to tuple of str
        Each category column's values in the order of their codes, as the fitted encoder had them.
    event_time : str
        The column that says when a row happened; read only when `time` is set.
    time : TimeFeature or None
        How event time enters as the last input, or None when the model does not see it.
    offset : float or tuple of float
        Level correction, added on the model's scale; one number for each class where there are several.
    link : {"identity", "exp", "logistic", "softmax"}
        From the model's scale to label units, to P(class 1), or to the probability of each class.
    function : str or None
        Import path of the project's feature function, applied before the columns are read.
    trained_from, trained_until : str or None
        First and last event date the model learned from, ISO; a comparison is fair only on newer rows.
    recipe : dict
        How the model was trained, for people.
    format : {"onnx", "skops"}
        What the file beside the schema is.
    estimator : str
        The class that was trained, by its import path.
    classes : tuple of str or float
        The labels of a classifier, in the order of its outputs.
    output : {"score", "probability"}
        What the file's model answers. Probabilities are brought to the model's scale by their log odds, or by their
        logarithm where there are more than two classes.
    dates : tuple of DatePart
        Inputs read from dates; they stand after the categories.
    steps : tuple of Step
        How inputs are filled, scaled and spread before the model sees them, in the order of its columns; without any,
        it sees the inputs as they are.
    calibration : tuple of Calibration
        One table for P(class 1), or one for each class; without any, the link answers.
    threshold : float or None
        P(class 1) from which the decision is class 1; None is one half.
    deferral : Deferral or None
        When a row is passed to a person; None passes none.
    block_rows : int
        Rows answered at once: as many as keep what arises on the way to about 100 MB.
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
    block_rows: int = 65_536

    @property
    def inputs(self) -> list[str]:
        """Names of the model's inputs, in order: columns, then parts of dates, event time last when it is used.

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
        """Columns a frame must have, each once; without dates, they are the inputs."""
        dates = [part.column for part in self.dates]
        plain = [*self.numbers, *self.booleans, *self.categories, *dates, *([self.event_time] if self.time else [])]
        return list(dict.fromkeys(plain))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of several classes, in the order of the probabilities; empty for numbers and for two classes."""
        return tuple(str(name) for name in self.classes) if self.task == "multiclass" else ()

    def to_json(self) -> str:
        """Return the schema as JSON text; the same schema always gives the same text.

        Examples
        --------
        >>> schema = ModelSchema("demo", "binary", "log_loss", "day", categories={"plan": ("free", "paid")})
        >>> ModelSchema.from_json(schema.to_json()) == schema
        True
        """
        return json.dumps({"protocol": PROTOCOL, **asdict(self)}, indent=1, sort_keys=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelSchema:
        """Return the schema that `to_json` wrote, today or by an older protocol.

        Raises
        ------
        EvidenceError
            The text is no schema, or of a protocol this version does not know.
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
    """Return JSON's lists and objects as the records they were; protocol 1 lacks the newer ones."""
    offset = content["offset"]
    return content | {
        "numbers": tuple(content["numbers"]),
        "booleans": tuple(content["booleans"]),
        "categories": {column: tuple(values) for column, values in content["categories"].items()},
        "time": TimeFeature(**content["time"]) if content["time"] else None,
        "offset": tuple(offset) if isinstance(offset, list) else offset,
        "classes": tuple(content.get("classes", ())),
        "dates": tuple(DatePart(**each) for each in content.get("dates", ())),
        "steps": tuple(
            PreprocessingStep(**each | {"values": tuple(each["values"])}) for each in content.get("steps", ())
        ),
        "calibration": tuple(_calibration(each) for each in content.get("calibration", ())),
        "deferral": _deferral(content["deferral"]) if content.get("deferral") else None,
    }


def _calibration(content: dict[str, Any]) -> Calibration:
    points = {name: tuple(content[name]) for name in ("scores", "probabilities")}
    return Calibration(**content | points)


def _deferral(content: dict[str, Any]) -> Deferral:
    table = content["errors"]
    if table:
        edges = tuple(tuple(each) for each in table["edges"])
        table = ErrorTable(tuple(table["inputs"]), edges, tuple(table["errors"]))
    return Deferral(**content | {"errors": table, "typical": tuple(content["typical"])})
