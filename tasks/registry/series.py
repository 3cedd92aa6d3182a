"""A series: one long-lived run that holds points over time, and the pages that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.registry.mlflow_names import metric_name
from tasks.registry.mlflow_server import Server

_BATCH = 100
"""Parameters or metrics per call: the server's limit for parameters."""


@dataclass(frozen=True)
class Series:
    """A series of one project, looked up once: see `Registry.series`."""

    server: Server
    experiment_id: str
    run_id: str

    def log_metrics(self, metrics: Mapping[str, float], *, step: int, at: datetime) -> None:
        """Add one point to each metric.

        Parameters
        ----------
        step : int
            Position on the axis, such as days since 1970; the same metric, step, time and value twice are one point.
        at : datetime
            When the point was measured, aware.
        """
        log_run(self.server, self.run_id, metrics=metrics, step=step, at=at)

    def put_text(self, name: str, text: str) -> None:
        """Keep a text with the series, replacing the last of that name; MLflow shows html and markdown as pages."""
        self.server.ask("log_text", self.run_id, text, name)

    def link(self, name: str) -> str:
        """Return the address of such a text in the MLflow UI."""
        return artifact_link(self.server, self.experiment_id, self.run_id, name)


def artifact_link(server: Server, experiment_id: str, run_id: str, path: str) -> str:
    """Return the address of a run's artifact in the MLflow UI.

    >>> artifact_link(Server("http://localhost:5000"), "7", "ab12", "report.html")
    'http://localhost:5000/#/experiments/7/runs/ab12/artifacts/report.html'
    """
    return f"{server.ui_url}/#/experiments/{experiment_id}/runs/{run_id}/artifacts/{path}"


def log_run(
    server: Server,
    run_id: str,
    *,
    at: datetime,
    params: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    step: int = 0,
) -> None:
    """Log parameters and metrics to a run, in as many calls as the server's limits ask for."""
    from mlflow.entities import Metric, Param

    moment_ms = int(at.timestamp() * 1000)
    settings = [Param(metric_name(key), str(value)) for key, value in (params or {}).items()]
    numbers = [Metric(metric_name(key), float(value), moment_ms, step) for key, value in (metrics or {}).items()]
    for first in range(0, max(len(settings), len(numbers)), _BATCH):
        batch = slice(first, first + _BATCH)
        server.ask("log_batch", run_id, params=settings[batch], metrics=numbers[batch], synchronous=True)
