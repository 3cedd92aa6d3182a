"""What was guessed, a sentence for each choice: what a person reads first, and may know better."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.spec.infer.column_kinds import Chosen
from tasks.spec.infer.spec_text import Choices


def guesses(choices: Choices) -> tuple[str, ...]:
    """Return what was chosen for the row's name, the label, the features and the arrival, each with its reason."""
    return tuple(_guesses(choices))


def _guesses(choices: Choices) -> Iterator[str]:
    key, target = choices.key, choices.target
    yield f"a row is named by {', '.join(key.columns)}: {key.why}"
    yield f"the task is {target.task}, judged by {target.metric}: {target.why}"
    yield "a label is known at once; if it comes later, set source.label.delay_days"
    yield f"the model sees {_counted(choices.columns)}"
    for column in choices.columns:
        if column.kind == "left out":
            yield f"left out {column.name}: {column.why}"
        elif column.unusual:
            yield f"{column.name} is among the {column.kind}: {column.why}"
    if choices.arrival == "filename":
        yield "a file landed on the day in its name"


def _counted(columns: list[Chosen]) -> str:
    kinds = {kind: [each for each in columns if each.kind == kind] for kind in ("numbers", "booleans", "categories")}
    return ", ".join(f"{len(found)} {kind}" for kind, found in kinds.items() if found)
