"""ModelSchema: what a model file means - columns, category tables, time, level, link - as JSON beside its graph.

PROTOCOL is the format's number. To change the format: raise it, let `from_json` still read every older number, and keep
a frozen file of the old format under tests/rooms/model/fixtures with a test that reads it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tasks.errors import EvidenceError

PROTOCOL = 1
Link = Literal["identity", "exp", "logistic"]


@dataclass(frozen=True, slots=True)
class TimeFeature:
    """Event time as a feature: days since `origin` (an ISO date), never beyond `held_at_days`."""

    origin: str
    held_at_days: float


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """Everything that turns a frame into the graph's input and the graph's output into an answer.

    Attributes
    ----------
    numbers, booleans : tuple of str
        Columns read as numbers and as 0 or 1, in the order of the graph's input.
    categories : dict of str to tuple of str
        Each category column's values in the order of their codes, as the fitted encoder had them.
    event_time : str
        The column that says when a row happened; read only when `time` is set.
    time : TimeFeature or None
        How event time enters as the last input, or None when the model does not see it.
    offset : float
        Level correction, added to the graph's output on the model's scale.
    link : {"identity", "exp", "logistic"}
        From the model's scale to label units, or to P(class 1).
    function : str or None
        Import path of the project's feature function, applied before the columns are read.
    trained_from, trained_until : str or None
        First and last event date the model learned from, ISO; a comparison is fair only on newer rows.
    recipe : dict
        How the model was trained, for people.
    """

    project: str
    task: Literal["regression", "binary"]
    metric: str
    event_time: str
    numbers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    time: TimeFeature | None = None
    offset: float = 0.0
    link: Link = "identity"
    function: str | None = None
    trained_from: str | None = None
    trained_until: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Columns a frame must have, in the order of the graph's input; event time last when it is used."""
        return [*self.numbers, *self.booleans, *self.categories, *([self.event_time] if self.time else [])]

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
        """Return the schema that `to_json` wrote.

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
        if protocol != PROTOCOL:
            raise EvidenceError(
                f"found model schema protocol {protocol!r}; this Leeway reads {PROTOCOL}. "
                "Install the version that wrote it."
            )
        try:
            return cls(**_tuples(content))
        except (TypeError, KeyError, AttributeError) as error:
            raise EvidenceError(
                f"found a damaged model schema ({error}); expected what protocol {PROTOCOL} names. "
                "Register the version again."
            ) from error


def _tuples(content: dict[str, Any]) -> dict[str, Any]:
    return content | {
        "numbers": tuple(content["numbers"]),
        "booleans": tuple(content["booleans"]),
        "categories": {column: tuple(values) for column, values in content["categories"].items()},
        "time": TimeFeature(**content["time"]) if content["time"] else None,
    }
