"""The text of a first project.yaml, with the reason of each choice."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tasks.spec.infer.column_kinds import Chosen
from tasks.spec.infer.row_key import Key
from tasks.spec.infer.target import Target
from tasks.spec.infer.time_span import TimeSpan
from tasks.spec.infer.written_forms import Form
from tasks.spec.landing_sections.database_section import Database

WIDTH = 100
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
Arrival = Literal["modified", "filename"]
WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Choices:
    """All choices that the text contains."""

    project: str
    uri: str
    format: str
    arrival: Arrival
    time: str
    label: str
    key: Key
    target: Target
    span: TimeSpan
    columns: list[Chosen]
    written: Mapping[str, str | list[str]] = field(default_factory=dict)
    forms: Mapping[str, Form | None] = field(default_factory=dict)
    database: Database | None = None


def quoted(text: str) -> str:
    """Return a text for YAML, in quotes if YAML would read it as anything else.

    >>> quoted("price"), quoted("yes"), quoted("a: b"), quoted("7")
    ('price', '"yes"', '"a: b"', '"7"')
    """
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def page(choices: Choices) -> str:
    """Return the text of project.yaml, with a comment for every choice."""
    return "\n".join(
        [_head(choices), _scope(choices), _source(choices), _features(choices.columns), _operation(choices)]
    )


def _comment(text: str, indent: str = "") -> str:
    start, rest = f"{indent}# ", f"{indent}#   " if text.startswith("- ") else f"{indent}# "
    return "\n".join(textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=rest, break_long_words=False))


def _flow(names: Iterable[str], indent: str = "    ") -> str:
    """Return names as a YAML list, wrapped between names."""
    lines = [""]
    for name in names:
        piece = f"{quoted(name)}, "
        if lines[-1] and len(lines[-1]) + len(piece) > WIDTH - len(indent):
            lines.append("")
        lines[-1] += piece
    return "[" + f"\n{indent}".join(line.strip() for line in lines).removesuffix(",") + "]"


def _head(choices: Choices) -> str:
    span = choices.span
    introduction = (
        f"A first spec, inferred from {span.rows:,} rows of {span.first} to {span.last}. Comments explain the choices; "
        f"correct them, then run `leeway check {choices.project}`."
    )
    schema = "# yaml-language-server: $schema=../spec.schema.json"
    return f"{schema}\n{_comment(introduction)}\n\nproject: {quoted(choices.project)}\n"


def _scope(choices: Choices) -> str:
    target = choices.target
    objective = f"Predict {choices.label}."
    rules = {
        "binary": "the share of 1 in the training rows",
        "multiclass": "each class's share of the training rows",
        "regression": "the middle value of the label",
    }
    rule = rules[target.task]
    return "\n".join(
        [
            "scope:",
            "  owner: your name  # who is responsible for this model",
            f"  objective: {quoted(objective)}  # say what it decides, and who uses it",
            _comment(f"{target.why}.", "  "),
            f"  metric: {target.metric}",
            f"  baseline: {target.baseline}  # the rule that a model must beat: {rule}",
            "  # target: the value of the metric that counts as a success",
            "",
        ]
    )


def _source(choices: Choices) -> str:
    undated = choices.span.undated
    note = f"; {undated:,} rows have none and are refused" if undated else ""
    used_again = ["  identity: id_and_time  # ids are used again, each time for another event"]
    dated = ["  arrival: filename  # the date in the name of a file is the day it landed"]
    return "\n".join(
        [
            "source:",
            *_landing(choices),
            *(f"  {name}: {_stated(value)}  # {_why(choices, name)}" for name, value in choices.written.items()),
            f"  id: {_flow(choices.key.columns)}  # what identifies a row: {choices.key.why}",
            *(used_again if choices.key.used_again else []),
            f"  event_time: {quoted(choices.time)}  # the time of the event{note}",
            *(dated if choices.arrival == "filename" else []),
            "  label:",
            f"    column: {quoted(choices.label)}",
            "    delay_days: 0  # it is in the rows, so known at once; if not, after how many days",
            "",
        ]
    )


def _landing(choices: Choices) -> list[str]:
    if choices.database is None:
        address = f"  uri: {quoted(choices.uri)}  # a folder, relative to this file, or s3://bucket/prefix"
        return [address, f"  format: {choices.format}"]
    table, changed_at = choices.database.table or "", choices.database.changed_at
    return [
        f"  uri: {quoted(choices.uri)}  # `env:NAME`, the variable with the address, or one without a password",
        "  database:",
        f"    table: {quoted(table)}",
        f"    changed_at: {quoted(changed_at)}  # grows with each change of a row",
    ]


def _stated(value: str | list[str]) -> str:
    return quoted(value) if isinstance(value, str) else _flow(value)


def _why(choices: Choices, name: str) -> str:
    form = choices.forms.get(name)
    return "as in the data" if form is None else form.why


REASONS = {
    "numbers": "every filled cell is a number",
    "booleans": "true or false, yes or no",
    "categories": "texts that repeat",
}


def _features(columns: list[Chosen]) -> str:
    lines = ["features:"]
    for kind, reason in REASONS.items():
        chosen = [column for column in columns if column.kind == kind]
        if chosen:
            lines += [f"  # {reason}", *_special(chosen), f"  {kind}: {_flow(column.name for column in chosen)}"]
    out = [column for column in columns if column.kind == "left out"]
    if out:
        lines += ["  # Left out:", *(_comment(f"- {quoted(column.name)}: {column.why}", "  ") for column in out)]
    return "\n".join([*lines, ""])


def _special(chosen: list[Chosen]) -> list[str]:
    return [
        _comment(f"- {quoted(column.name)}: {column.why}", "  ")
        for column in chosen
        if column.kind == "categories" and column.unusual
    ]


def _operation(choices: Choices) -> str:
    span, target = choices.span, choices.target
    days, extent = span.cohort_days, f"the data spans {span.days:,} days, about {span.rows_per_day:,.1f} rows a day"
    scale = [f"  target_scale: {target.scale}"] if target.scale != "identity" else []
    return "\n".join(
        [
            _comment(f"Split by time: {extent}."),
            f"split: {{holdout_days: {days}, folds: 3, fold_days: {days}}}",
            "",
            "training:",
            f"  task: {target.task}",
            *scale,
            f"  min_rows: {span.training_rows}",
            "",
            f"gate: {{min_rows: {span.gate_rows}}}  # the fewest labelled rows to judge a challenger on",
            "",
            "monitoring:",
            f"  cohort_days: {days}",
            "  false_alarms_per_year: 4  # the number of false alarms that you accept",
            "  cooldown_days: 28  # never below source.label.delay_days",
            "",
            "automation: {retrain: automatic, promote: approval}  # a person approves every new model",
            'schedule: {nightly: "0 2 * * *", time_zone: UTC}',
            "",
        ]
    )
