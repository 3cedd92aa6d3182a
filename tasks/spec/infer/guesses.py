"""One sentence for each guess, which the user may correct."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.spec.infer.column_kinds import Chosen
from tasks.spec.infer.spec_text import Choices

SINGULAR = {"numbers": "number", "booleans": "boolean", "categories": "category"}


def guesses(choices: Choices) -> tuple[str, ...]:
    """Return the choices for the id, the label, the features and the arrival, with their reasons."""
    return tuple(_guesses(choices))


def _guesses(choices: Choices) -> Iterator[str]:
    key, target = choices.key, choices.target
    yield f"a row is identified by {', '.join(key.columns)}: {key.why}"
    yield f"the task is {target.task} with the metric {target.metric}: {target.why}"
    yield "a label is known at once; if it arrives later, set source.label.delay_days"
    yield f"the model sees {_counted(choices.columns)}"
    for column in choices.columns:
        if column.kind == "left out":
            yield f"left out {column.name}: {column.why}"
        elif column.unusual:
            yield f"{column.name} is among the {column.kind}: {column.why}"
    for name, form in choices.forms.items():
        if form is not None:
            yield f"source.{name} is {form.value!r}: {form.why}"
    if choices.arrival == "filename":
        yield "the date in the name of a file is the day on which it landed"


def _counted(columns: list[Chosen]) -> str:
    kinds = {
        kind: [column for column in columns if column.kind == kind] for kind in ("numbers", "booleans", "categories")
    }
    return ", ".join(
        f"{len(chosen)} {kind if len(chosen) > 1 else SINGULAR[kind]}" for kind, chosen in kinds.items() if chosen
    )
