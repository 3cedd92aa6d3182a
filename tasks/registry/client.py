"""The registry: a project's versions, their files, tags and aliases.

Only MlflowClient is behind it, and never any `load_model`, which runs code out of the artifact.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tasks import clock
from tasks.errors import DataError, EvidenceError, Terminal, Unreachable
from tasks.registry.manifest import MANIFEST, SIGNATURE, checked_name, seal, verify
from tasks.registry.mlflow_names import KEY, SEARCH, SERIES, checked_key, checked_project, metric_name
from tasks.registry.mlflow_server import Server
from tasks.registry.signing import Keys
from tasks.registry.versions import TEXT_CHARACTERS, Draft, Version, dataset, version_of

FOLDER = "model"
"""Where a version's files lie among its run's artifacts."""
_BATCH = 100
"""Parameters or metrics per call: the server's limit for parameters."""


class Registry:
    """The model versions of one MLflow server.

    Parameters
    ----------
    url : str
        Address of the server, `http://` or `https://`.
    keys : Keys
        What `add_version` signs with and `fetch` believes.
    """

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self._server = Server(url)
        self._keys = keys or Keys()

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._server.url

    def link(self, project: str, number: int) -> str:
        """Return the address of a version's page in the MLflow UI.

        `workflowType` opens the pages for trained models; without it MLflow's menus are those for language models.

        >>> Registry("http://localhost:5000/").link("house-prices", 3)
        'http://localhost:5000/#/models/house-prices/versions/3?workflowType=machine_learning'
        """
        return f"{self.url}/#/models/{checked_project(project)}/versions/{number}?workflowType=machine_learning"

    def ensure(self, project: str, description: str) -> None:
        """Make the project's experiment and registered model where they do not exist; what exists is left as it is."""
        self._experiment(project, description)
        if self._server.ask_or_none("get_registered_model", project) is None:
            self._server.make("create_registered_model", project, description=description)

    def _experiment(self, project: str, description: str = "") -> str:
        checked_project(project)
        found = self._server.ask("get_experiment_by_name", project)
        if found is None:
            self._server.make("create_experiment", project, tags={"mlflow.note.content": description})
            found = self._server.ask("get_experiment_by_name", project)
        if found.lifecycle_stage != "active":
            raise Terminal(
                f"experiment {project!r} was deleted in MLflow; its runs are still there: "
                f"`mlflow experiments restore -x {found.experiment_id}`."
            )
        return str(found.experiment_id)

    def aliases(self, project: str) -> dict[str, int]:
        """Return where each alias of the project points; empty when the project is not known."""
        model = self._server.ask_or_none("get_registered_model", checked_project(project))
        return {} if model is None else {alias: int(number) for alias, number in model.aliases.items()}

    def versions(self, project: str) -> list[Version]:
        """Return all versions, newest first; empty when the project is not known."""
        aliases = self.aliases(project)
        query = f"name = '{project}'"
        page = self._server.ask("search_model_versions", query)
        found = list(page)
        while page.token:
            page = self._server.ask("search_model_versions", query, page_token=page.token)
            found.extend(page)
        return sorted((version_of(each, aliases) for each in found), key=lambda version: -version.number)

    def version(self, project: str, number: int, aliases: Mapping[str, int] | None = None) -> Version | None:
        """Return one version, or None when there is none of that number.

        Parameters
        ----------
        aliases : mapping of str to int, optional
            The project's aliases, where they have been read already or are not needed.
        """
        return self._version(project, number, self.aliases(project) if aliases is None else aliases)

    def by_alias(self, project: str, alias: str) -> Version | None:
        """Return the version an alias points to, or None."""
        aliases = self.aliases(project)
        return self._version(project, aliases[alias], aliases) if alias in aliases else None

    def _version(self, project: str, number: int, aliases: Mapping[str, int]) -> Version | None:
        found = self._server.ask_or_none("get_model_version", project, str(number))
        return None if found is None else version_of(found, aliases)

    def add_version(self, project: str, draft: Draft) -> Version:
        """Add a version: one run with its numbers and its sealed files, and a version pointing at them.

        Called again with the same key it returns the version that exists. After a crash, or a reply that was lost,
        the next call heals: of two versions with one key the older stays, and runs of that key which no version uses
        are deleted.

        Raises
        ------
        EvidenceError
            When there is no key to sign with, or a file's name is not flat.
        DataError
            When the description or a tag is longer than the registry keeps.
        """
        draft.check_lengths()
        existing = self._of_key(project, checked_key(draft.key))
        if not existing:
            self._create(project, draft)
            existing = self._of_key(project, draft.key)
        kept, *doubles = existing
        for double in doubles:
            self._server.ask_or_none("delete_model_version", project, str(double.number))
        for run_id in self._runs(project, KEY, draft.key):
            if run_id != kept.run_id:
                self._server.ask_or_none("delete_run", run_id)
        return kept

    def _of_key(self, project: str, key: str) -> list[Version]:
        return [version for version in reversed(self.versions(project)) if version.tags.get(KEY) == key]

    def _create(self, project: str, draft: Draft) -> None:
        if self._keys.private is None:
            raise EvidenceError("there is no key to sign the version with; set LEEWAY_SIGNING_KEY, or let one be made.")
        sealed = seal(draft.files, {"project": project, "key": draft.key}, self._keys.private)
        run_id = self._start_run(project, draft.key, {KEY: draft.key})
        self._log(run_id, params=draft.params)
        self._log(run_id, metrics=draft.metrics)
        if draft.inputs:
            self._server.ask("log_inputs", run_id, datasets=[dataset(each) for each in draft.inputs])
        with tempfile.TemporaryDirectory(prefix="leeway-") as folder:
            for name, content in sealed.items():
                (Path(folder) / name).write_bytes(content)
            self._server.ask("log_artifacts", run_id, folder, FOLDER)
        self._server.ask("set_terminated", run_id)
        # Not `runs:/...`: the server cannot read its own proxied files by that, and the version's page shows no schema.
        place = self._server.ask("get_run", run_id).info.artifact_uri
        self._server.ask(
            "create_model_version",
            project,
            source=f"{place}/{FOLDER}",
            run_id=run_id,
            tags={**draft.tags, KEY: draft.key},
            description=draft.description,
            await_creation_for=0,
        )

    def _start_run(self, project: str, name: str, tags: Mapping[str, str]) -> str:
        run = self._server.ask("create_run", self._experiment(project), run_name=name, tags=dict(tags))
        return str(run.info.run_id)

    def _runs(self, project: str, tag: str, value: str) -> list[str]:
        query, order = f"tags.`{tag}` = '{value}'", ["attributes.start_time ASC"]
        found = self._server.ask("search_runs", [self._experiment(project)], filter_string=query, order_by=order)
        return [str(run.info.run_id) for run in found]

    def _log(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        at: datetime | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param

        moment_ms = int((at or clock.now()).timestamp() * 1000)
        settings = [Param(metric_name(key), str(value)) for key, value in (params or {}).items()]
        numbers = [Metric(metric_name(key), float(value), moment_ms, step) for key, value in (metrics or {}).items()]
        for first in range(0, max(len(settings), len(numbers)), _BATCH):
            batch = slice(first, first + _BATCH)
            self._server.ask("log_batch", run_id, params=settings[batch], metrics=numbers[batch], synchronous=True)

    def log_metrics(self, project: str, series: str, metrics: Mapping[str, float], *, step: int, at: datetime) -> None:
        """Add one point to each metric of a series, in the one long-lived run that holds it.

        Parameters
        ----------
        series : str
            Name of the run, such as `monitoring`; made at its first point.
        step : int
            Place on the axis, such as days since 1970; the same metric, step, time and value twice are one point.
        at : datetime
            When the point was measured, aware.
        """
        self._log(self._series(project, series), metrics=metrics, step=step, at=at)

    def put_text(self, project: str, series: str, name: str, text: str) -> None:
        """Keep a text beside a series, replacing the last of that name; MLflow shows html and markdown as pages."""
        self._server.ask("log_text", self._series(project, series), text, name)

    def text_link(self, project: str, series: str, name: str) -> str:
        """Return the address of such a text in the MLflow UI."""
        where = f"{self._experiment(project)}/runs/{self._series(project, series)}"
        return f"{self.url}/#/experiments/{where}/artifacts/{name}"

    def file_link(self, version: Version, name: str) -> str:
        """Return the address of one of a version's files in the MLflow UI."""
        where = f"{self._experiment(version.project)}/runs/{version.run_id}"
        return f"{self.url}/#/experiments/{where}/artifacts/{FOLDER}/{checked_name(name)}"

    def _series(self, project: str, series: str) -> str:
        """Return the one long-lived run of a series, made when it is first asked for."""
        runs = self._runs(project, SERIES, checked_key(series))
        if runs:
            return runs[0]
        run_id = self._start_run(project, series, {SERIES: series})
        self._server.ask("set_terminated", run_id)
        return run_id

    def log_trial(
        self, project: str, study: str, name: str, *, params: Mapping[str, str], metrics: Mapping[str, float]
    ) -> None:
        """Add one trial of a search as a run of its own, nested in the one run of the search."""
        found = self._runs(project, SEARCH, checked_key(study))
        parent = found[0] if found else self._start_run(project, f"search {study}", {SEARCH: study})
        if not found:
            self._server.ask("set_terminated", parent)
        run_id = self._start_run(project, name, {"mlflow.parentRunId": parent})
        self._log(run_id, params=params, metrics=metrics)
        self._server.ask("set_terminated", run_id)

    def fetch(self, version: Version) -> dict[str, bytes]:
        """Return a version's files, once its signed manifest agrees with every one of them.

        Raises
        ------
        EvidenceError
            When a file is missing, extra, changed, badly named or not signed for this version.
        Unreachable
            When the server does not answer, or a transfer was cut short.
        """
        listed = self._server.ask_or_none("list_artifacts", version.run_id, FOLDER) or []
        nested = sorted(entry.path for entry in listed if entry.is_dir)
        if nested or not listed:
            raise EvidenceError(
                f"version {version.number} of {version.project} holds {nested or 'nothing'}; expected files."
            )
        sizes = {checked_name(entry.path.removeprefix(f"{FOLDER}/")): entry.file_size for entry in listed}
        with tempfile.TemporaryDirectory(prefix="leeway-") as folder:
            self._server.ask("download_artifacts", version.run_id, FOLDER, folder)
            files = {name: (Path(folder) / FOLDER / name).read_bytes() for name in sizes}
        short = sorted(name for name, size in sizes.items() if size is not None and len(files[name]) != size)
        if short:
            raise Unreachable(f"{short} of version {version.number} arrived cut short; fetch it again.")
        verify(files, self._keys.trusted, {"project": version.project, "key": version.tags.get(KEY, "")})
        return {name: content for name, content in files.items() if name not in {MANIFEST, SIGNATURE}}

    def set_alias(self, project: str, alias: str, number: int) -> None:
        """Point an alias at a version."""
        self._server.ask("set_registered_model_alias", project, alias, str(number))

    def delete_alias(self, project: str, alias: str) -> None:
        """Remove an alias; one that is not there is no fault."""
        self._server.ask("delete_registered_model_alias", project, alias)

    def set_tag(self, project: str, number: int, key: str, value: str) -> None:
        """Set a version's tag; what the registry would not keep of a long value is cut off."""
        self._server.ask("set_model_version_tag", project, str(number), key, value[:TEXT_CHARACTERS])

    def delete_tag(self, project: str, number: int, key: str) -> None:
        """Remove a version's tag; one that is not there is no fault."""
        self._server.ask("delete_model_version_tag", project, str(number), key)

    def set_description(self, project: str, number: int, text: str) -> None:
        """Replace the card on a version's page."""
        if len(text) > TEXT_CHARACTERS:
            raise DataError(f"the card has {len(text)} characters; MLflow keeps {TEXT_CHARACTERS}: shorten it.")
        self._server.ask("update_model_version", project, str(number), description=text)
