"""Infer a whole project from data: its spec, its expectations, and the list of guesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from tasks.errors import SpecError, nearest
from tasks.spec.cells.cell_types import numbers
from tasks.spec.find_project import checked_name
from tasks.spec.infer.column_kinds import UNNAMEABLE, can_be_named, choose_columns
from tasks.spec.infer.first_suite import expectation, expectations_for, unique_key
from tasks.spec.infer.guesses import guesses
from tasks.spec.infer.row_key import given_key, guessed_key
from tasks.spec.infer.spec_text import Arrival, Choices, page
from tasks.spec.infer.target import read_target
from tasks.spec.infer.time_span import read_span
from tasks.spec.infer.written_forms import grouping
from tasks.spec.landing_sections.database_section import Database
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec

NOT_NULL = "expect_column_values_to_not_be_null"


@dataclass(frozen=True, slots=True)
class InferredProject:
    """A first project: the spec, its text, the Great Expectations suite (JSON form), and the guesses.

    `guesses` has one sentence for each choice that the user may correct.
    """

    spec: ProjectSpec
    yaml_text: str
    expectations: dict[str, Any]
    guesses: tuple[str, ...]


def infer_spec(  # noqa: PLR0913 - keyword-only: each is an answer of the user
    frame: pd.DataFrame,
    *,
    project: str,
    uri: str,
    fmt: str,
    time: str,
    label: str,
    id_columns: list[str] | None = None,
    arrival: Arrival = "modified",
    written: Mapping[str, str | list[str]] | None = None,
    database: Database | None = None,
) -> InferredProject:
    """Return a first project for a user's data; comments in the text explain every choice.

    Parameters
    ----------
    frame : DataFrame
        The rows; cells are text, as in csv, or typed, as in Parquet.
    project : str
        The project's name.
    uri, fmt : str
        Where rows land, and their format (csv, jsonl or parquet).
    time, label : str
        The columns with the time of the event, and with the value to predict.
    id_columns : list of str, optional
        The columns that identify a row; by default they are guessed.
    arrival : 'modified' or 'filename'
        What dates the arrival of a file: its modification time, or the date in its name.
    database : Database, optional
        The table that the rows were read from, if `uri` is the address of a database.
    written : mapping of str to str or list, optional
        Keys of `source` on the format of the files (`encoding`, `separator`, `decimal`, `path_columns`) that are not
        the default.

    Raises
    ------
    SpecError
        When a column does not exist, nothing identifies a row, the label cannot be learned, times are not ISO 8601,
        or no feature is left.
    """
    checked_name(project)
    frame = frame.rename(columns=str)
    _require_columns(frame, time, label)
    groups = grouping(frame)
    if groups is not None:
        frame = frame.apply(partial(_plain, thousands=groups.value))
    span, target = read_span(frame[time]), read_target(frame[label])
    forms = {"time_format": span.form, "thousands": groups}
    written = {**(written or {}), **{name: form.value for name, form in forms.items() if form is not None}}
    key = given_key(frame, id_columns, time) if id_columns else guessed_key(frame, time, label)
    columns = choose_columns(frame, target, {time, label, *key.columns})
    choices = Choices(project, uri, fmt, arrival, time, label, key, target, span, columns, written, forms, database)
    if all(column.kind == "left out" for column in columns):
        reasons = "; ".join(f"{column.name}: {column.why}" for column in columns) or "there is no other column"
        raise SpecError([f"no column is left to learn {label!r} from: {reasons}"])
    text = page(choices)
    return InferredProject(parse_spec(text, f"{project}/project.yaml"), text, _suite(choices), guesses(choices))


def _plain(column: pd.Series, thousands: str) -> pd.Series:
    """Return a column of grouped numbers as numbers, and any other as it is."""
    read = numbers(column, thousands=thousands)
    return read.column if not numbers(column).clean and read.clean else column


def _require_columns(frame: pd.DataFrame, time: str, label: str) -> None:
    known = [str(name) for name in frame.columns]
    twice = sorted({name for name in known if known.count(name) > 1})
    faults = [f"column {name!r} occurs twice in the data; rename one" for name in twice]
    for wanted, what in ((time, "event time"), (label, "label")):
        if wanted not in known:
            faults.append(f"{what} {wanted!r} is not in the data; known: {', '.join(known)}{nearest(wanted, known)}")
        elif not can_be_named(wanted):
            faults.append(f"{what} {wanted!r} cannot be used: {UNNAMEABLE}")
    if time == label:
        faults.append(f"{time!r} cannot be both the event time and the label")
    if frame.empty:
        faults.append("the data has no rows; a first spec needs some")
    if faults:
        raise SpecError(faults)


def _suite(choices: Choices) -> dict[str, Any]:
    label = choices.target.typed.rename(choices.label)
    key = [*choices.key.columns, *([choices.time] if choices.key.used_again else [])]
    rules = unique_key(key)
    if not choices.span.undated and choices.time not in key:
        rules.append(expectation("expect_column_values_to_not_be_null", "each has an event time", column=choices.time))
    kinds = {"binary": "binary", "multiclass": "categories", "regression": "numbers"}
    # A row may come before its label: it is answered, and learned from once the label is known.
    rules += [rule for rule in expectations_for(label, kinds[choices.target.task]) if rule["type"] != NOT_NULL]
    for column in choices.columns:
        if column.typed is not None:
            rules += expectations_for(column.typed.rename(column.name), column.kind)
    return {"name": choices.project, "expectations": rules, "meta": {}}
