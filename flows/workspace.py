"""The composition root: one project's spec, lake, registry and champion, opened for a flow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd

from flows.loaded_version import Champion, loaded_version, served_version
from tasks.dataset.degree_in_force import spec_in_force
from tasks.dataset.feature_assembly import assembled_features, feature_values
from tasks.errors import EvidenceError, Terminal
from tasks.lake import Lake, LandingFolder, Lease, read_entries, s3_options, stored_columns
from tasks.logs import line, logger
from tasks.monitor.profiling.task import BatchSummaries
from tasks.profiles import Ruler, digest
from tasks.records import ChampionRecord, Entry, RecordedVersion, champion_record
from tasks.registry import HomeKeys, Registry, load_keys
from tasks.score import Answers, answer_destination
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.spec.champion_inputs import with_inputs_of
from tasks.spec.private_home import keep_private
from tasks.spec.spec_sections.feature_sections import FeatureTable


@dataclass(frozen=True)
class Workspace:
    """Everything that a flow passes to its tasks."""

    spec: ProjectSpec
    folder: Path
    home: Path
    lake: Lake
    registry: Registry
    _summaries: dict[str, BatchSummaries] = field(default_factory=dict, init=False, repr=False, compare=False)

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

    def summaries(self, ruler: Ruler) -> BatchSummaries:
        """Return the summaries of a night's batches by a ruler: those that this workspace has made, it has kept.

        Workers receive what features are made from, not the workspace: it has the key that versions are signed with.
        """
        features = partial(assembled_features, spec=self.spec, lake=self.lake, folder=self.folder)
        new = BatchSummaries(self.lake, self.project, ruler, features, self.spec.features)
        return self._summaries.setdefault(digest(ruler), new)

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

    def with_degree(self, entries: Sequence[Entry] | None = None) -> Workspace:
        """Return the workspace with the degree of automation in force: it may have fallen below that of the spec."""
        record = read_entries(self.lake, self.project, "night", "degree") if entries is None else entries
        return replace(self, spec=spec_in_force(self.spec, record))

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
        return served_version(self.registry, self.project, RecordedVersion(number, digest))

    def _load(self, recorded: RecordedVersion, since: datetime | None = None) -> Champion | None:
        """Return a version's model; None if the registry has no such version, or one that was made after `since`."""
        return loaded_version(self.registry, self.project, recorded, since, self.spec.scoring.threads)


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
    return Workspace(
        spec, path.parent, folder, lake, _registry(_tracking_uri(), str(folder), tuple(spec.formerly), signs=signs)
    )


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
def _registry(url: str, where: str, former_names: tuple[str, ...], *, signs: bool) -> Registry:
    folder, ui_url = Path(where), os.environ.get("LEEWAY_MLFLOW_UI_URL", "")
    if not signs:
        return Registry(url, HomeKeys(folder, os.environ), former_names, ui_url)
    keys = load_keys(folder, os.environ)
    if keys.private is None:
        raise EvidenceError("this machine verifies versions, and has no key to sign one with: retrain where it is.")
    return Registry(url, keys, former_names, ui_url)


def _tracking_uri() -> str:
    url = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url.startswith(("http://", "https://")):
        raise Terminal(
            f"MLFLOW_TRACKING_URI is {url!r}; expected the address of an MLflow server. "
            "`leeway up` starts one, `leeway demo` and `leeway run` start one for themselves"
        )
    return url
