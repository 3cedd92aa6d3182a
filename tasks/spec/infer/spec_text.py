"""The page: project.yaml as text, each choice with its reason."""

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

WIDTH = 100
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
Arrival = Literal["modified", "filename"]
WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything the page says."""

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
    written: Mapping[str, str] = field(default_factory=dict)


def quoted(text: str) -> str:
    """Return a text as YAML reads it back, in quotes where it would otherwise be something else.

    >>> quoted("price"), quoted("yes"), quoted("a: b"), quoted("7")
    ('price', '"yes"', '"a: b"', '"7"')
    """
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def page(choices: Choices) -> str:
    """Return project.yaml, about a page, with a comment for every choice."""
    return "\n".join(
        [_head(choices), _scope(choices), _source(choices), _features(choices.columns), _operation(choices)]
    )


def _comment(text: str, indent: str = "") -> str:
    start, rest = f"{indent}# ", f"{indent}#   " if text.startswith("- ") else f"{indent}# "
    return "\n".join(textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=rest, break_long_words=False))


def _flow(names: Iterable[str], indent: str = "    ") -> str:
    """Return names as a YAML list, broken between names where a line gets long."""
    lines = [""]
    for name in names:
        piece = f"{quoted(name)}, "
        if lines[-1] and len(lines[-1]) + len(piece) > WIDTH - len(indent):
            lines.append("")
        lines[-1] += piece
    return "[" + f"\n{indent}".join(line.strip() for line in lines).removesuffix(",") + "]"


def _head(choices: Choices) -> str:
    span = choices.span
    told = (
        f"A first spec, written from {span.rows:,} rows of {span.first} to {span.last}. Every choice says why; "
        f"change what you know better, then run `leeway check {choices.project}`."
    )
    return (
        f"# yaml-language-server: $schema=../spec.schema.json\n{_comment(told)}\n\nproject: {quoted(choices.project)}\n"
    )


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
            "  owner: your name  # who answers for this model",
            f"  objective: {quoted(objective)}  # say what it decides, and for whom",
            _comment(f"{target.why}.", "  "),
            f"  metric: {target.metric}",
            f"  baseline: {target.baseline}  # the rule a model must beat: {rule}",
            "  # target: the value of the metric that you would call a success",
            "",
        ]
    )


def _source(choices: Choices) -> str:
    undated = choices.span.undated
    note = f"; {undated:,} rows have none and will be refused" if undated else ""
    dated = ["  arrival: filename  # the date in a file's name is the day it landed"]
    return "\n".join(
        [
            "source:",
            f"  uri: {quoted(choices.uri)}  # a folder, relative to this file, or s3://bucket/prefix",
            f"  format: {choices.format}",
            *(f"  {name}: {quoted(value)}  # so the data is written" for name, value in choices.written.items()),
            f"  id: {_flow(choices.key.columns)}  # what names a row: {choices.key.why}",
            f"  event_time: {quoted(choices.time)}  # when a row happened{note}",
            *(dated if choices.arrival == "filename" else []),
            "  label:",
            f"    column: {quoted(choices.label)}",
            "    delay_days: 0  # it is in the rows, so known at once; if it comes later, say after how many days",
            "",
        ]
    )


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
    days, told = span.cohort_days, f"the data spans {span.days:,} days, about {span.rows_per_day:,.1f} rows a day"
    scale = [f"  target_scale: {target.scale}"] if target.scale != "identity" else []
    return "\n".join(
        [
            _comment(f"Parted by time: {told}."),
            f"split: {{holdout_days: {days}, folds: 3, fold_days: {days}}}",
            "",
            "training:",
            f"  task: {target.task}",
            *scale,
            f"  min_rows: {span.training_rows}",
            "",
            f"gate: {{min_rows: {span.gate_rows}}}  # fewest labelled rows a challenger is judged on",
            "",
            "monitoring:",
            f"  cohort_days: {days}",
            "  false_alarms_per_year: 4  # how many alarms by chance you accept",
            "  cooldown_days: 28  # never below source.label.delay_days",
            "",
            "automation: {retrain: automatic, promote: approval}  # a person says yes to every new model",
            'schedule: {nightly: "0 2 * * *", time_zone: UTC}',
            "",
        ]
    )
