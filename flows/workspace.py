"""The composition root: one project's spec, lake, registry and champion, opened for a flow."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.dataset.feature_assembly import assembled_features, feature_values
from tasks.drift import Reference
from tasks.drift import from_bytes as reference_from
from tasks.errors import EvidenceError, Terminal
from tasks.evaluate import Evidence
from tasks.evaluate.task import AnsweringVersion
from tasks.inference import decision_threshold
from tasks.lake import Lake, LandingFolder, Lease, read_entries, s3_options, stored_columns
from tasks.logs import line, logger
from tasks.model import Predictor, load_model
from tasks.monitor import PredictionReference, Promise, Slices, slices_from_json
from tasks.monitor import from_json as answers_from
from tasks.monitor.baseline import ChampionBaseline
from tasks.records import ChampionRecord, Entry, RecordedVersion, champion_record
from tasks.registry import HomeKeys, Registry, Signed, Version, load_keys
from tasks.score import Answers, answer_destination
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.spec.champion_inputs import with_inputs_of
from tasks.spec.private_home import keep_private
from tasks.spec.spec_sections.feature_sections import FeatureTable
from tasks.statistics import evidence_from_dict

Sealed = tuple[Version, dict[str, bytes], Signed]
"""A version, its verified files with their manifest, and what that signs."""


@dataclass(frozen=True)
class Workspace:
    """Everything that a flow passes to its tasks."""

    spec: ProjectSpec
    folder: Path
    home: Path
    lake: Lake
    registry: Registry

    @property
    def project(self) -> str:
        """The project's name."""
        return self.spec.project

    def with_lease(self, lease: Lease) -> Workspace:
        """Return the same workspace with a lake for the holder of a lease."""
        return replace(self, lake=self.lake.with_lease(lease.name, lease.token))

    def features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows with the values of the feature tables as of their time, and the project's own features."""
        return assembled_features(rows, self.spec, self.lake, self.folder)

    def feature_values(self, table: FeatureTable) -> pd.DataFrame:
        """Return all values of a feature table that count."""
        return feature_values(self.lake, self.project, table)

    def reading_for(self, champion: Champion | None) -> Workspace:
        """Return the workspace of a night: its spec also names what the champion reads, as long as it is champion.

        Raises
        ------
        SpecError
            When the champion reads a column that the spec no longer says how to make.
        """
        if champion is None:
            return self
        stored = partial(stored_columns, self.lake, self.project)
        return replace(self, spec=with_inputs_of(self.spec, champion.model.schema, stored))

    def answer_destination(self) -> Answers | None:
        """Return the destination of the project's answers next to the lake; None where the spec names none."""
        return answer_destination(self.spec, self.folder, os.environ)

    @property
    def landed_rollouts(self) -> LandingFolder:
        """Where a prediction service that may not write the record lets the evidence of rollouts land."""
        return LandingFolder(self.spec.served_uri("rollouts"), self.spec, self.folder, os.environ)

    def champion(self, entries: Sequence[Entry] | None = None) -> Champion | None:
        """Return the serving model, its files verified, or None before the first promotion.

        The champion is that of the decision record, wherever the alias in MLflow points. If that version was deleted
        in MLflow, it is the one before it.

        Parameters
        ----------
        entries : sequence of Entry, optional
            The project's decision record, if it has been read already.

        Raises
        ------
        EvidenceError
            When its files are not those that were promoted.
        """
        record = self.champion_record(entries)
        for change in record.champion_changes():
            if (champion := self._load(change.to, change.at)) is not None:
                return champion
            logger().warning(line("champion_deleted", version=change.to.number))
        return None

    def champion_record(self, entries: Sequence[Entry] | None = None) -> ChampionRecord:
        """Return what the decision record says about versions."""
        return champion_record(read_entries(self.lake, self.project) if entries is None else entries)

    def load(self, number: int, entries: Sequence[Entry] | None = None) -> Champion:
        """Return a version's model; its files are fetched and verified once per process.

        Parameters
        ----------
        entries : sequence of Entry, optional
            The project's decision record, if it has been read already.

        Raises
        ------
        EvidenceError
            When its files are not those that the decision record has.
        Terminal
            When the registry has no such version.
        """
        loaded = self._load(RecordedVersion(number, self.champion_record(entries).digest(number)))
        if loaded is None:
            raise Terminal(
                f"{self.project} has no version {number} in {self.registry.url}; it was deleted there. Roll back or "
                "train again"
            )
        return loaded

    def served_version(self, number: int, digest: str) -> Champion | str:
        """Return a version as the prediction service runs it, with one thread; or why it cannot be had.

        It is looked for once per process.
        """
        return _served(self.registry, self.project, RecordedVersion(number, digest))

    def _load(self, recorded: RecordedVersion, since: datetime | None = None) -> Champion | None:
        """Return a version's model; None if the registry has no such version, or one that was made after `since`."""
        try:
            return _loaded(self.registry, self.project, recorded, since, self.spec.scoring.threads)
        except _DeletedError:
            return None


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
        )


def open_workspace(project: str, *, signs: bool = False) -> Workspace:
    """Open a project by name or path, with the servers and the home the environment names; see `assemble`."""
    path = find_project(project)
    spec = read_spec(path)
    return assemble(spec, path, signs=signs)


def assemble(spec: ProjectSpec, path: Path, *, signs: bool = False) -> Workspace:
    """Open a project with a spec that has been read.

    Parameters
    ----------
    signs : bool
        Whether the registry may sign new versions. Only a retraining does; all else verifies, and has no private key.
    """
    folder = home(path)
    lake = open_lake(folder)  # before anything is written, such as keys: from here on only the owner can read it
    return Workspace(spec, path.parent, folder, lake, _registry(_tracking_uri(), str(folder), signs=signs))


def open_lake(home: Path) -> Lake:
    """Return the lake that LEEWAY_LAKE names (a folder or s3://...), by default a folder of the home.

    Keys and addresses of an S3 store come from the usual AWS variables. What this process writes from now on, in the
    lake and elsewhere, only its owner can read.
    """
    keep_private()
    root = os.environ.get("LEEWAY_LAKE") or str(home / "lake")
    if not root.startswith("s3://"):
        return Lake(str(Path(root).absolute()))
    return Lake(root, s3_options(os.environ))


@lru_cache(maxsize=8)
def _registry(url: str, where: str, *, signs: bool) -> Registry:
    folder = Path(where)
    if not signs:
        return Registry(url, HomeKeys(folder, os.environ))
    keys = load_keys(folder, os.environ)
    if keys.private is None:
        raise EvidenceError("this machine verifies versions, and has no key to sign one with: retrain where it is.")
    return Registry(url, keys)


def _tracking_uri() -> str:
    url = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url.startswith(("http://", "https://")):
        raise Terminal(
            f"MLFLOW_TRACKING_URI is {url!r}; expected the address of an MLflow server. "
            "`leeway up` starts one, `leeway demo` and `leeway run` start one for themselves"
        )
    return url


class _DeletedError(Exception):
    """The registry has no such version."""


@lru_cache(maxsize=8)
def _served(registry: Registry, project: str, recorded: RecordedVersion) -> Champion | str:
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
    return Promise(gate.metric, loss.mean, bias.mean, round(loss.count), classes, own)
