"""infer_spec: what the parts of this room chose, put on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.errors import SpecError, nearest
from tasks.spec.find_project import checked_name
from tasks.spec.infer.column_kinds import UNNAMEABLE, can_be_named, choose_columns
from tasks.spec.infer.first_suite import expectation, expectations_for, unique_key
from tasks.spec.infer.guesses import guesses
from tasks.spec.infer.row_key import given_key, guessed_key
from tasks.spec.infer.spec_text import Arrival, Choices, page
from tasks.spec.infer.target import read_target
from tasks.spec.infer.time_span import read_span
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec


@dataclass(frozen=True, slots=True)
class InferredProject:
    """A first project: the spec, the page it was read from, the Great Expectations suite (JSON form), and the guesses.

    `guesses` has a sentence for each choice that a person may know better.
    """

    spec: ProjectSpec
    yaml_text: str
    expectations: dict[str, Any]
    guesses: tuple[str, ...]


def infer_spec(  # noqa: PLR0913 - keyword-only: each is a question that a person answers
    frame: pd.DataFrame,
    *,
    project: str,
    uri: str,
    fmt: str,
    time: str,
    label: str,
    id_columns: list[str] | None = None,
    arrival: Arrival = "modified",
    written: Mapping[str, str] | None = None,
) -> InferredProject:
    """Return a first project for a person's own data; every choice is explained in the page.

    Parameters
    ----------
    frame : DataFrame
        The rows: cells all text, as csv has them, or typed, as Parquet has them.
    project : str
        The project's name.
    uri, fmt : str
        Where rows will land, and how they are written (csv, jsonl or parquet).
    time, label : str
        The columns that say when a row happened, and what is to be predicted.
    id_columns : list of str, optional
        The columns that name a row; left out, they are guessed.
    arrival : 'modified' or 'filename'
        What says when a file landed: its modification time, or the date in its name.
    written : mapping of str to str, optional
        Keys of `source` that say how the files are written (`encoding`, `separator`, `decimal`) where that is unusual.

    Raises
    ------
    SpecError
        When the columns do not exist, nothing names a row, the label cannot be learned, times are not ISO 8601, or no
        column is left to learn from.
    """
    checked_name(project)
    frame = frame.rename(columns=str)
    _require_columns(frame, time, label)
    span, target = read_span(frame[time]), read_target(frame[label])
    key = given_key(frame, id_columns) if id_columns else guessed_key(frame, time, label)
    columns = choose_columns(frame, target, {time, label, *key.columns})
    choices = Choices(project, uri, fmt, arrival, time, label, key, target, span, columns, written or {})
    if all(column.kind == "left out" for column in columns):
        reasons = "; ".join(f"{column.name}: {column.why}" for column in columns) or "there is no other column"
        raise SpecError([f"no column is left to learn {label!r} from: {reasons}"])
    text = page(choices)
    return InferredProject(parse_spec(text, f"{project}/project.yaml"), text, _suite(choices), guesses(choices))


def _require_columns(frame: pd.DataFrame, time: str, label: str) -> None:
    known = [str(name) for name in frame.columns]
    twice = sorted({name for name in known if known.count(name) > 1})
    faults = [f"column {name!r} stands twice in the data; rename one" for name in twice]
    for asked, what in ((time, "event time"), (label, "label")):
        if asked not in known:
            faults.append(f"{what} {asked!r} is not in the data; known: {', '.join(known)}{nearest(asked, known)}")
        elif not can_be_named(asked):
            faults.append(f"{what} {asked!r} cannot be used: {UNNAMEABLE}")
    if time == label:
        faults.append(f"{time!r} cannot be both the event time and the label")
    if frame.empty:
        faults.append("the data has no rows; a first spec is written from what is there")
    if faults:
        raise SpecError(faults)


def _suite(choices: Choices) -> dict[str, Any]:
    label = choices.target.typed.rename(choices.label)
    held = unique_key(choices.key.columns)
    if not choices.span.undated and choices.time not in choices.key.columns:
        held.append(expectation("expect_column_values_to_not_be_null", "every row happened", column=choices.time))
    kinds = {"binary": "binary", "multiclass": "categories", "regression": "numbers"}
    held += expectations_for(label, kinds[choices.target.task])
    for column in choices.columns:
        if column.typed is not None:
            held += expectations_for(column.typed.rename(column.name), column.kind)
    return {"name": choices.project, "expectations": held, "meta": {}}
