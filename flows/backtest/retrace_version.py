"""Making a version again: the same rows, recipe, spec and seed must give the same model, or it is said what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from flows.steps.challengers.training_provenance import as_of, code
from flows.workspace import Workspace
from tasks.dataset.known_rows import known_rows
from tasks.errors import DataError, EvidenceError
from tasks.model import ModelSchema, Predictor, load_model
from tasks.spec import ProjectSpec
from tasks.train import FittedCalibration, FittedModel, Recipe, fit_on_all_rows

SHOWN_CHARACTERS = 60  # of a value that differs
NEEDED = ("recipe_parts", "finish", "spec", "lake_commits", "night", "rows")


@dataclass(frozen=True, slots=True)
class RetracedVersion:
    """What came of making a version again: the proof that it is the same, or what differs, and what may explain it."""

    proof: str
    differences: tuple[str, ...] = ()
    explanations: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether it is the same model."""
        return not self.differences


def reproduce(workspace: Workspace, number: int) -> RetracedVersion:
    """Train a version again from what it wrote down, and compare.

    Its hold-out's proof is not repeated, and neither is the rule of what it passes to people, which was found there.

    Raises
    ------
    DataError
        There is no such version, or its rows cannot be read any more.
    EvidenceError
        Its files are not what was signed, or say too little to be repeated.
    """
    version = workspace.registry.version(workspace.project, number)
    if version is None:
        known = ", ".join(str(each.number) for each in workspace.registry.versions(workspace.project)[:10])
        raise DataError(f"{workspace.project} has no version {number}; there is {known or 'none'}")
    files = workspace.registry.fetch(version)
    training: dict[str, Any] = json.loads(files["training.json"])
    if adopted := training.get("adopted"):
        raise EvidenceError(
            f"version {number} of {workspace.project} was adopted from {adopted['file']} (sha256 {adopted['sha256']}): "
            "it was trained elsewhere, and only there can it be trained again"
        )
    lacking = [name for name in NEEDED if name not in training]
    if lacking:
        raise EvidenceError(
            f"version {number} of {workspace.project} was registered without {lacking}; expected all that a training "
            "is repeated from. An older Leeway made it; versions trained from now on can be repeated."
        )
    fitted, known_then = _again(workspace, training)
    return compared(files, training, fitted, known_then, code(_function(training), workspace.folder))


def _again(workspace: Workspace, training: Mapping[str, Any]) -> tuple[FittedModel, pd.DataFrame]:
    """Return the recorded recipe fitted on the recorded rows, and these rows."""
    spec = ProjectSpec.model_validate(training["spec"])
    commits = {table: int(commit) for table, commit in training["lake_commits"].items() if commit is not None}
    then = replace(as_of(workspace, commits), spec=spec)
    left_out = [
        (date.fromisoformat(first), date.fromisoformat(last)) for first, last in training.get("suspected_days", [])
    ]
    known = known_rows(then.lake, spec, then.folder, date.fromisoformat(training["night"]), left_out).labelled
    recipe, finish = Recipe.from_dict(training["recipe_parts"]), FittedCalibration.from_dict(training["finish"])
    return fit_on_all_rows(recipe, finish, known, spec), known


def compared(
    files: Mapping[str, bytes],
    training: Mapping[str, Any],
    fitted: FittedModel,
    rows: pd.DataFrame,
    now: Mapping[str, Any],
) -> RetracedVersion:
    """Return whether a fit is the recorded model: its file byte for byte, or every answer without any difference.

    Parameters
    ----------
    files : mapping of str to bytes
        The version's, verified.
    rows : DataFrame
        What both are asked for.
    now : mapping
        By which code the fit was made.
    """
    recorded, made = load_model(files), fitted.portable
    name, content = made.file
    now_said = ModelSchema.from_json(made.schema.to_json())
    differing = [*_counts(training, fitted), *_schema(recorded.schema, now_said)]
    if files.get(name) == content:
        digest = hashlib.sha256(content).hexdigest()[:16]
        proof = f"{name} has the same {len(content):,} bytes (sha256 {digest}...)"
    else:
        proof = f"{name} has other bytes, and the same answers for all {len(rows):,} rows"
        differing += _answers(recorded, made, rows)
    explained = tuple(_code(training.get("code") or {}, now)) if differing else ()
    return RetracedVersion(f"{proof}; learned from {fitted.rows:,} rows", tuple(differing), explained)


def _counts(training: Mapping[str, Any], fitted: FittedModel) -> Iterator[str]:
    now = {
        "rows": fitted.rows,
        "trained_from": fitted.trained_from.isoformat(),
        "trained_until": fitted.trained_until.isoformat(),
    }
    yield from (f"{name}: {training[name]} then, {found} now" for name, found in now.items() if training[name] != found)


def _schema(recorded: ModelSchema, made: ModelSchema) -> Iterator[str]:
    """Yield the parts of the schema that differ; the deferral was found on the hold-out, and is not repeated."""
    for part in fields(ModelSchema):
        then, now = getattr(recorded, part.name), getattr(made, part.name)
        if part.name not in {"deferral", "recipe"} and then != now:
            yield f"{part.name} of the schema: {_short(then)} then, {_short(now)} now"


def _answers(recorded: Predictor, made: Predictor, rows: pd.DataFrame) -> Iterator[str]:
    then, now = recorded.score(rows), made.score(rows)
    if then.shape != now.shape:
        yield f"answers: of the shape {then.shape} then, {now.shape} now"
    elif not np.array_equal(then, now, equal_nan=True):
        gap = np.abs(np.nan_to_num(then - now, nan=np.inf, posinf=np.inf, neginf=np.inf))
        apart = int((gap > 0).reshape(len(gap), -1).any(axis=1).sum())
        yield f"answers: {apart:,} of {len(rows):,} rows differ, by up to {gap.max():.3g} on the model's scale"


def _code(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is different about the code and the machine."""
    for name in now:
        before, after = then.get(name), now[name]
        if isinstance(after, Mapping):
            yield from _code(before or {}, after)
        elif before != after:
            yield f"{name}: {before or 'unknown'} then, {after or 'unknown'} now"


def _function(training: Mapping[str, Any]) -> str | None:
    found: str | None = training["spec"]["features"].get("function")
    return found


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
