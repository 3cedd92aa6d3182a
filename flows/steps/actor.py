"""The person who acts, for the decision record."""

from __future__ import annotations

import os
from getpass import getuser


def account() -> str | None:
    """Return the account that calls MLflow; None on a server without accounts."""
    return os.environ.get("MLFLOW_TRACKING_USERNAME") or None


def person() -> str:
    """Return the account that calls MLflow, else the machine's user; a container's user may have no name."""
    if name := account():
        return name
    try:
        return f"{getuser()}, by the command line"
    except (KeyError, OSError):
        return "the command line"
