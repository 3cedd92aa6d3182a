"""One MLflow server: calls by name, each bounded in time, each failing as one of our own errors."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

from tasks.errors import SpecError
from tasks.registry.mlflow_errors import code, is_missing, reaching

_BOUNDS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",  # seconds; mlflow's own is 120
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # mlflow's own 7, with back-off, are four minutes
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


class Server:
    """The calls of MlflowClient, by name; both its addresses are said, so no global state of mlflow is touched.

    Parameters
    ----------
    url : str
        `http://` or `https://`; user and password come from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.

    Notes
    -----
    mlflow reads its time-outs from the environment at each call; ours are set there only where the user set none.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")) or "@" in url:
            raise SpecError([f"the registry's address is {url!r}; expected http(s)://host:port, no user or password."])
        self.url = url.rstrip("/")

    @cached_property
    def _client(self) -> Any:
        for name, value in _BOUNDS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)

    def ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Return what a method of MlflowClient answers."""
        with reaching(self.url):
            return getattr(self._client, method)(*args, **options)

    def ask_or_none(self, method: str, *args: Any, **options: Any) -> Any:
        """Return what a method answers, or None when the server says there is no such thing."""
        return self._ask_unless(is_missing, method, *args, **options)

    def make(self, method: str, *args: Any, **options: Any) -> None:
        """Call a method that makes something; that somebody else just made it is no fault."""
        self._ask_unless(lambda error: code(error) == "RESOURCE_ALREADY_EXISTS", method, *args, **options)

    def _ask_unless(self, expected: Any, method: str, *args: Any, **options: Any) -> Any:
        from mlflow.exceptions import MlflowException

        with reaching(self.url):
            try:
                return getattr(self._client, method)(*args, **options)
            except (MlflowException, OSError) as error:
                if expected(error):
                    return None
                raise
