"""Translate errors of MLflow to errors of Leeway: retryable or terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.errors import Error, Terminal, Unreachable

_MISSING = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"}
_FORBIDDEN = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
_REFUSED = {"INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST", "INVALID_STATE", "FEATURE_DISABLED"}
_STATUS = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 400: "BAD_REQUEST"}


def code(error: Exception) -> str:
    """Return MLflow's error code of a failed call; for a failed file transfer, by its HTTP status.

    >>> code(ConnectionResetError("cut"))
    'INTERNAL_ERROR'
    """
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return _STATUS.get(status, "INTERNAL_ERROR")
    return str(getattr(error, "error_code", "INTERNAL_ERROR"))


def is_missing(error: Exception) -> bool:
    """Return whether the server answered that the object does not exist.

    >>> is_missing(TimeoutError())
    False
    """
    return code(error) in _MISSING


def translated(error: Exception, url: str) -> Error:
    """Return the error of Leeway for an error of MLflow; it is retryable unless the server clearly refused.

    >>> print(translated(ConnectionRefusedError("refused"), "http://localhost:5000"))
    MLflow at http://localhost:5000 did not answer: refused. Check that the server runs and that the address is right.
    """
    reason = " ".join(str(error).split())[:300].rstrip(". ")
    error_code = code(error)
    if error_code in _FORBIDDEN:
        return Terminal(
            f"MLflow at {url} denied access: {reason}. Either MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD "
            "are wrong, or the server does not know its own host name (`mlflow server --allowed-hosts`)."
        )
    if error_code in _MISSING:
        return Terminal(
            f"MLflow at {url} has no such object: {reason}. It was deleted, or the address is that of another server."
        )
    if error_code in _REFUSED:
        return Terminal(f"MLflow at {url} refused: {reason}. Versions 3.13 and later are known to work.")
    return Unreachable(
        f"MLflow at {url} did not answer: {reason}. Check that the server runs and that the address is right."
    )


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Translate any error that MLflow's client raises in the block."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise translated(error, url) from error
