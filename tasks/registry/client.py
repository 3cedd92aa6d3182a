"""The registry: a project's versions, their files, tags and aliases.

It uses MlflowClient only, and never `load_model`, which runs code from the artifact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tasks import clock
from tasks.errors import DataError
from tasks.registry.fetched_files import FOLDER, FetchedFiles
from tasks.registry.manifest import MANIFEST, SIGNATURE, checked_name
from tasks.registry.mlflow_names import BARRED, KEY, PROMOTED, checked_key, checked_project
from tasks.registry.mlflow_server import Server
from tasks.registry.new_version import create_version
from tasks.registry.other_runs.foreign_run import skops_of_run
from tasks.registry.project_runs import ProjectRuns
from tasks.registry.series import Series, artifact_link
from tasks.registry.signing import HomeKeys, Keys
from tasks.registry.statement import Signed
from tasks.registry.versions import TEXT_CHARACTERS, Draft, Version, version_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Registry:
    """The model versions of one MLflow server.

    Parameters
    ----------
    url : str
        Address of the server, `http://` or `https://`.
    keys : Keys or HomeKeys
        The keys with which `add_version` signs and `fetch` verifies; with `HomeKeys` it only verifies.
    former_names : collection of str
        Names that the project had before: versions may be signed under them.
    ui_url : str, optional
        The address at which people open the server, for links; the same by default.
    """

    def __init__(
        self,
        url: str,
        keys: Keys | HomeKeys | None = None,
        former_names: Collection[str] = (),
        ui_url: str = "",
    ) -> None:
        self._server = Server(url, ui_url)
        self._runs = ProjectRuns(self._server)
        self._keys = keys or Keys()
        self._former_names = frozenset(former_names)

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._server.url

    @property
    def trusted(self) -> Sequence[Ed25519PublicKey]:
        """The public keys that versions are verified with."""
        return self._keys.trusted

    def link(self, project: str, number: int) -> str:
        """Return the address of a version's page in the MLflow UI.

        `workflowType` selects the pages for trained models; without it MLflow shows the menus for language models.

        >>> Registry("http://localhost:5000/").link("house-prices", 3)
        'http://localhost:5000/#/models/house-prices/versions/3?workflowType=machine_learning'
        """
        return f"{self.model_link(project)}/versions/{number}?workflowType=machine_learning"

    def model_link(self, project: str) -> str:
        """Return the address of the page with a project's versions in the MLflow UI.

        >>> Registry("http://mlflow:5000", ui_url="https://models.example/").model_link("house-prices")
        'https://models.example/#/models/house-prices'
        """
        return f"{self._server.ui_url}/#/models/{checked_project(project)}"

    def ensure(self, project: str, description: str) -> None:
        """Create the project's experiment and registered model if they do not exist."""
        self._runs.experiment(project, description)
        if self._server.ask_or_none("get_registered_model", project) is None:
            self._server.make("create_registered_model", project, description=description)

    def is_taken(self, old: str, new: str) -> bool:
        """Return whether a new name of a project is that of another model or experiment."""
        models = [self._server.ask_or_none("get_registered_model", checked_project(name)) for name in (old, new)]
        experiments = [self._server.ask("get_experiment_by_name", name) for name in (old, new)]
        return all(models) or all(experiments)

    def rename(self, old: str, new: str) -> None:
        """Give the model and the experiment of a project another name; what has it already is left as it is.

        Versions keep their numbers, runs, tags and aliases.
        """
        if (experiment := self._server.ask("get_experiment_by_name", old)) is not None:
            self._server.ask("rename_experiment", experiment.experiment_id, new)
        if self._server.ask_or_none("get_registered_model", checked_project(old)) is not None:
            self._server.ask("rename_registered_model", old, checked_project(new))

    def aliases(self, project: str) -> dict[str, int]:
        """Return the version number of each alias of the project; empty for an unknown project."""
        model = self._server.ask_or_none("get_registered_model", checked_project(project))
        return {} if model is None else {alias: int(number) for alias, number in model.aliases.items()}

    def versions(self, project: str) -> list[Version]:
        """Return all versions, newest first; empty for an unknown project."""
        aliases = self.aliases(project)
        query = f"name = '{project}'"
        page = self._server.ask("search_model_versions", query)
        models = list(page)
        while page.token:
            page = self._server.ask("search_model_versions", query, page_token=page.token)
            models.extend(page)
        return sorted((version_of(model, aliases) for model in models), key=lambda version: -version.number)

    def version(self, project: str, number: int, aliases: Mapping[str, int] | None = None) -> Version | None:
        """Return one version, or None if there is no version of that number.

        Parameters
        ----------
        aliases : mapping of str to int, optional
            The project's aliases, if they have been read already or are not needed.
        """
        return self._version(project, number, self.aliases(project) if aliases is None else aliases)

    def by_alias(self, project: str, alias: str) -> Version | None:
        """Return the version an alias points to, or None."""
        aliases = self.aliases(project)
        return self._version(project, aliases[alias], aliases) if alias in aliases else None

    def _version(self, project: str, number: int, aliases: Mapping[str, int]) -> Version | None:
        model = self._server.ask_or_none("get_model_version", project, str(number))
        return None if model is None else version_of(model, aliases)

    def add_version(self, project: str, draft: Draft) -> Version:
        """Add a version: one run with its metrics and its sealed files, and a version that points at them.

        A second call with the same key returns the existing version. The next call also cleans up after a crash or a
        lost reply: of two versions with one key it keeps the older, and it deletes runs of that key without a version.

        Raises
        ------
        EvidenceError
            When there is no signing key, or a file name is not flat.
        DataError
            When the description or a tag is too long for MLflow.
        """
        draft.check_lengths()
        existing = self._of_key(project, checked_key(draft.key))
        if not existing:
            create_version(self._runs, self._keys, project, draft, clock.now())
            existing = self._of_key(project, draft.key)
        kept, *duplicates = existing
        for duplicate in duplicates:
            self._server.ask_or_none("delete_model_version", project, str(duplicate.number))
        for run_id in self._runs.with_tag(self._runs.experiment(project), KEY, draft.key):
            if run_id != kept.run_id:
                self._server.ask_or_none("delete_run", run_id)
        return kept

    def withdraw(self, project: str, key: str, before: datetime) -> None:
        """Delete the versions of a key that were signed before a moment, with their runs, unless they were answered."""
        for version in self._of_key(project, checked_key(key)):
            statement = self.signed(version).statement
            if {PROMOTED, BARRED} & set(version.tags) or statement is None or statement.signed_at >= before:
                continue
            self._server.ask_or_none("delete_model_version", project, str(version.number))
            self._server.ask_or_none("delete_run", version.run_id)

    def _of_key(self, project: str, key: str) -> list[Version]:
        return [version for version in reversed(self.versions(project)) if version.tags.get(KEY) == key]

    def series(self, project: str, name: str) -> Series:
        """Return a series of a project; its run is created at the first call.

        Parameters
        ----------
        name : str
            Name of the run, such as `monitoring`.
        """
        return self._runs.series(project, name)

    def file_link(self, version: Version, name: str) -> str:
        """Return the address of one of a version's files in the MLflow UI."""
        experiment_id = self._runs.experiment(version.project)
        return artifact_link(self._server, experiment_id, version.run_id, f"{FOLDER}/{checked_name(name)}")

    def log_trial(
        self, project: str, study: str, name: str, *, params: Mapping[str, str], metrics: Mapping[str, float]
    ) -> None:
        """Add one trial of a search as a run, nested in the run of the search."""
        self._runs.log_trial(project, study, name, clock.now(), params=params, metrics=metrics)

    def skops_of_run(self, run: str, most_bytes: int) -> tuple[str, bytes]:
        """Return the skops file that another program logged with a run: see `foreign_run.skops_of_run`."""
        return skops_of_run(self._server, run, most_bytes)

    def fetch(self, version: Version, digest: str = "") -> dict[str, bytes]:
        """Return a version's files after verifying every one against the signed manifest: see `fetch_signed`."""
        return self.fetch_signed(version, digest)[0]

    def fetch_signed(self, version: Version, digest: str = "") -> tuple[dict[str, bytes], Signed]:
        """Return a version's files after verifying every one against the signed manifest, and what is signed.

        The manifest and its signature are left out: see `fetch_sealed`.

        Parameters
        ----------
        digest : str
            The digest that the manifest must have; empty if none is recorded.

        Raises
        ------
        EvidenceError
            When a file is missing, extra, changed, badly named or not signed for this version.
        Unreachable
            When the server does not answer, or a transfer was incomplete.
        """
        files, signed = self.fetch_sealed(version, digest)
        return {name: content for name, content in files.items() if name not in {MANIFEST, SIGNATURE}}, signed

    def fetch_sealed(self, version: Version, digest: str = "") -> tuple[dict[str, bytes], Signed]:
        """Return a version's files with their manifest and its signature, verified: see `fetch_signed`."""
        return self._files(version).sealed(digest)

    def signed(self, version: Version) -> Signed:
        """Return what is signed about a version, without fetching its files.

        Raises
        ------
        EvidenceError
            When the manifest is missing or not signed for this version.
        """
        return self._files(version).signed()

    def _files(self, version: Version) -> FetchedFiles:
        return FetchedFiles(self._server, self._keys, version, self._former_names)

    def set_alias(self, project: str, alias: str, number: int) -> None:
        """Point an alias at a version."""
        self._server.ask("set_registered_model_alias", project, alias, str(number))

    def delete_alias(self, project: str, alias: str) -> None:
        """Remove an alias if it exists."""
        self._server.ask("delete_registered_model_alias", project, alias)

    def set_tag(self, project: str, number: int, key: str, value: str) -> None:
        """Set a version's tag; a value that is too long for MLflow is truncated."""
        self._server.ask("set_model_version_tag", project, str(number), key, value[:TEXT_CHARACTERS])

    def delete_tag(self, project: str, number: int, key: str) -> None:
        """Remove a version's tag if it exists."""
        self._server.ask("delete_model_version_tag", project, str(number), key)

    def set_description(self, project: str, number: int, text: str) -> None:
        """Replace the card on a version's page."""
        if len(text) > TEXT_CHARACTERS:
            raise DataError(f"the card has {len(text)} characters; MLflow keeps {TEXT_CHARACTERS}: shorten it.")
        self._server.ask("update_model_version", project, str(number), description=text)
