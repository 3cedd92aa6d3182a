"""What a night says of labels of a class that the champion cannot answer with."""

from __future__ import annotations

from tasks.decide.situation import Situation
from tasks.records import Performance

NAMED = 3


def with_unknown_classes(reason: str, seen: Situation) -> str:
    """Return the reason of a decision with the classes that only a retraining can learn; as it is without any."""
    return reason if seen.performance is None else "; ".join([reason, *_sentences(seen.performance)])


def _sentences(found: Performance) -> list[str]:
    """Return a sentence in a list, or an empty list.

    >>> from datetime import date
    >>> from tasks.records import Bounded, UnknownClass
    >>> mean = Bounded(0.1, 0, 0.2, 0.1, 0.02)
    >>> new = UnknownClass("cargo", 11), UnknownClass("tandem", 1)
    >>> found = Performance(date(2026, 1, 1), date(2026, 1, 7), 200, mean, mean, unknown_classes=new)
    >>> _sentences(found)
    ["12 of 200 labels are of a class that the champion does not know: 'cargo' (11), 'tandem' (1)"]
    """
    if not found.unknown_classes:
        return []
    rows = sum(one.rows for one in found.unknown_classes)
    said = f"{rows:,} of {found.rows:,} labels are of a class that the champion does not know"
    names = ", ".join(f"{one.name!r} ({one.rows:,})" for one in found.unknown_classes[:NAMED] if one.name)
    return [f"{said}: {names}" if names else said]
