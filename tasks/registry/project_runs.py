"""The experiment of a project in MLflow, and its runs: of versions, of series over time, and of trials of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.errors import Terminal
from tasks.registry.mlflow_names import SEARCH, SERIES, checked_key, checked_project
from tasks.registry.mlflow_server import Server
from tasks.registry.series import Series, log_run


@dataclass(frozen=True)
class ProjectRuns:
    """The runs of the projects of one MLflow server."""

    server: Server

    def experiment(self, project: str, description: str = "") -> str:
        """Return the id of a project's experiment, created if it does not exist.

        Raises
        ------
        Terminal
            When it was deleted in MLflow.
        """
        checked_project(project)
        experiment = self.server.ask("get_experiment_by_name", project)
        if experiment is None:
            self.server.make("create_experiment", project, tags={"mlflow.note.content": description})
            experiment = self.server.ask("get_experiment_by_name", project)
        if experiment.lifecycle_stage != "active":
            raise Terminal(
                f"experiment {project!r} was deleted in MLflow; its runs still exist: "
                f"`mlflow experiments restore -x {experiment.experiment_id}`."
            )
        return str(experiment.experiment_id)

    def start(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
        """Start a run; return its id."""
        run = self.server.ask("create_run", experiment_id, run_name=name, tags=dict(tags))
        return str(run.info.run_id)

    def with_tag(self, experiment_id: str, tag: str, value: str) -> list[str]:
        """Return the ids of the runs with a value of a tag, oldest first."""
        query, order = f"tags.`{tag}` = '{value}'", ["attributes.start_time ASC"]
        runs = self.server.ask("search_runs", [experiment_id], filter_string=query, order_by=order)
        return [str(run.info.run_id) for run in runs]

    def series(self, project: str, name: str) -> Series:
        """Return a series of a project; its run is created at the first call."""
        experiment_id = self.experiment(project)
        return Series(self.server, experiment_id, self._lasting(experiment_id, SERIES, checked_key(name), name))

    def log_trial(
        self,
        project: str,
        study: str,
        name: str,
        at: datetime,
        *,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
    ) -> None:
        """Add one trial of a search as a run, nested in the run of the search."""
        experiment_id = self.experiment(project)
        parent = self._lasting(experiment_id, SEARCH, checked_key(study), f"search {study}")
        run_id = self.start(experiment_id, name, {"mlflow.parentRunId": parent})
        log_run(self.server, run_id, at=at, params=params, metrics=metrics)
        self.server.ask("set_terminated", run_id)

    def _lasting(self, experiment_id: str, tag: str, value: str, name: str) -> str:
        """Return the run that has a value of a tag for good, created and ended if there is none."""
        runs = self.with_tag(experiment_id, tag, value)
        if runs:
            return runs[0]
        run_id = self.start(experiment_id, name, {tag: value})
        self.server.ask("set_terminated", run_id)
        return run_id
