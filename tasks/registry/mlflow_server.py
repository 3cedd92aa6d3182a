"""One MLflow server: calls of MlflowClient with time-outs and with errors of Leeway."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

from tasks.errors import SpecError
from tasks.registry.mlflow_errors import code, is_missing, reaching

_BOUNDS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",  # seconds; the default is 120
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # the default of 7 takes four minutes with back-off
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


class Server:
    """The calls of MlflowClient by name. Both addresses are given to it, so that global state of mlflow is not used.

    Parameters
    ----------
    url : str
        `http://` or `https://`; user and password come from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    ui_url : str, optional
        The address at which people open it, for links; the same by default.

    Notes
    -----
    mlflow reads its time-outs from the environment at each call; values that the user has set are kept.
    """

    def __init__(self, url: str, ui_url: str = "") -> None:
        for address in (url, ui_url or url):
            if not address.startswith(("http://", "https://")) or "@" in address:
                raise SpecError(
                    [f"the registry's address is {address!r}; expected http(s)://host:port, no user or password."]
                )
        self.url, self.ui_url = url.rstrip("/"), (ui_url or url).rstrip("/")

    @cached_property
    def _client(self) -> Any:
        for name, value in _BOUNDS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)

    def ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the result of a method of MlflowClient."""
        with reaching(self.url):
            return getattr(self._client, method)(*args, **options)

    def ask_or_none(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the result of a method, or None if the object does not exist."""
        return self._ask_unless(is_missing, method, *args, **options)

    def make(self, method: str, *args: Any, **options: Any) -> None:
        """Call a method that creates an object; it is no error if the object exists already."""
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
