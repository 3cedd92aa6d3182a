"""A version of the registry as flows use it: its files verified by the decision record, and its model loaded once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from tasks.drift import Reference
from tasks.drift import from_bytes as reference_from
from tasks.errors import EvidenceError
from tasks.evaluate import Evidence
from tasks.evaluate.task import AnsweringVersion
from tasks.inference import decision_threshold
from tasks.model import Predictor, load_model
from tasks.monitor import PredictionReference, Promise, Slices, slices_from_json
from tasks.monitor import from_json as answers_from
from tasks.monitor.baseline import ChampionBaseline
from tasks.profiles import Ruler
from tasks.records import RecordedVersion
from tasks.registry import Registry, Signed, Version
from tasks.statistics import evidence_from_dict

Sealed = tuple[Version, dict[str, bytes], Signed]
"""A version, its verified files with their manifest, and what that signs."""


@dataclass(frozen=True)
class Champion:
    """A loaded version: its model, what it was trained on, and the performance that its hold-out promised.

    `promised` is the interval of its mean loss at the gate, `digest` that of its signed manifest, `signed_at` when that
    was signed.
    """

    number: int
    model: Predictor
    reference: Reference
    promise: Promise
    trained_from: date
    trained_until: date
    importances: tuple[tuple[str, float], ...]
    recipe: str
    answers: PredictionReference | None = None
    repeated_rows: float = 0.0
    slices: Slices | None = None
    promised: tuple[float, float] = (math.nan, math.nan)
    digest: str = ""
    signed_at: datetime | None = None

    @property
    def answering(self) -> AnsweringVersion:
        """The version, for measuring its answers by labels that arrived since its training."""
        return AnsweringVersion(self.number, self.trained_until, self.model.schema.class_names)

    @property
    def ruler(self) -> Ruler:
        """The ruler that rows are profiled by to be compared with its training rows."""
        return self.reference.total.ruler

    @property
    def baseline(self) -> ChampionBaseline:
        """The baseline that its nights are measured against."""
        return ChampionBaseline(
            self.number,
            self.reference,
            self.promise,
            self.trained_until,
            self.answers,
            self.repeated_rows,
            self.slices,
            decision_threshold(self.model.schema),
            None if self.model.schema.interval is None else self.model.schema.interval.share,
        )


class _DeletedError(Exception):
    """The registry has no such version."""


def loaded_version(
    registry: Registry, project: str, recorded: RecordedVersion, since: datetime | None, threads: int
) -> Champion | None:
    """Return a version; None if the registry has no such version, or one that was made after `since`.

    Its files are fetched and verified once per process.

    Raises
    ------
    EvidenceError
        When its files are not those that the decision record has.
    """
    try:
        return _loaded(registry, project, recorded, since, threads)
    except _DeletedError:
        return None


@lru_cache(maxsize=8)
def served_version(registry: Registry, project: str, recorded: RecordedVersion) -> Champion | str:
    """Return a version as the prediction service runs it, with one thread; or why it cannot be had.

    It is looked for once per process.
    """
    try:
        return _loaded(registry, project, recorded, None, 1)
    except _DeletedError:
        return "the registry no longer has the version"
    except EvidenceError as error:
        return f"the registry has another version than the one that answered: {error}"


@lru_cache(maxsize=8)
def _loaded(
    registry: Registry, project: str, recorded: RecordedVersion, since: datetime | None, threads: int
) -> Champion:
    found = fetched(registry, project, recorded, since, once=True)
    if found is None:
        raise _DeletedError
    _, files, signed = found
    signed_at = None if signed.statement is None else signed.statement.signed_at
    return replace(champion_of(recorded.number, files, threads), digest=signed.digest, signed_at=signed_at)


def fetched(
    registry: Registry, project: str, recorded: RecordedVersion, since: datetime | None = None, *, once: bool = False
) -> Sealed | None:
    """Return a version with its verified files, manifest included; None if the registry has no such version.

    Parameters
    ----------
    since : datetime, optional
        When it became champion: a version of this number that was made later is another one.
    once : bool
        Whether the files are kept in memory, so that they are downloaded once per process.

    Raises
    ------
    EvidenceError
        When its files are not those that the decision record has.
    """
    try:
        return (_found_once if once else _found)(registry, project, recorded)
    except _DeletedError:
        return None
    except EvidenceError:
        version = registry.version(project, recorded.number, aliases={})
        if since is not None and version is not None and _made_since(registry, version, since):
            return None
        raise


def _found(registry: Registry, project: str, recorded: RecordedVersion) -> Sealed:
    version = registry.version(project, recorded.number, aliases={})
    if version is None:
        raise _DeletedError
    return version, *registry.fetch_sealed(version, recorded.digest)


_found_once = lru_cache(maxsize=4)(_found)


def _made_since(registry: Registry, version: Version, since: datetime) -> bool:
    """Return whether a version was made and signed after a time: its number was given away again in another registry.

    What was only signed later is a set of files that replaced those of the version.
    """
    statement = registry.signed(version).statement
    return statement is not None and min(statement.signed_at, version.created) > since


def champion_of(number: int, files: dict[str, bytes], threads: int = 1) -> Champion:
    """Build a version's model from its verified files."""
    training, evidence = json.loads(files["training.json"]), Evidence.from_dict(json.loads(files["evidence.json"]))
    model = load_model(files, threads)
    return Champion(
        number=number,
        model=model,
        reference=reference_from(files["reference.bin"]),
        promise=_promise(training.get("promise"), evidence, model.schema.class_names),
        trained_from=date.fromisoformat(training["trained_from"]),
        trained_until=date.fromisoformat(training["trained_until"]),
        importances=tuple((name, float(share)) for name, share in training["importances"].items()),
        recipe=training["recipe"],
        answers=answers_from(files["answers.json"]) if "answers.json" in files else None,
        repeated_rows=float(training.get("repeated_rows", 0.0)),
        slices=slices_from_json(files["slices.json"]) if "slices.json" in files else None,
        promised=(evidence.challenger_low, evidence.challenger_high),
    )


def _promise(stored: Mapping[str, Any] | None, gate: Evidence, classes: tuple[str, ...]) -> Promise:
    """Return what a version promises: by its own evidence or, of an older Leeway, by that of the gate's challenger."""
    if stored is None:
        return Promise(gate.metric, gate.challenger_loss, gate.challenger_bias, gate.rows, classes)
    own = evidence_from_dict(stored)
    loss, bias = own.loss.promised, own.bias.promised
    weighted = gate.weight is not None
    return Promise(gate.metric, loss.mean, bias.mean, round(loss.count), classes, own, is_weighted=weighted)
