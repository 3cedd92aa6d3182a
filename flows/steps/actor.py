"""Who sits at this command line, for the record."""

from __future__ import annotations

import os
from getpass import getuser


def person() -> str:
    """Return the account that MLflow knows, else the machine's user; a container's user may have no name."""
    account = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if account:
        return account
    try:
        return f"{getuser()}, by the command line"
    except (KeyError, OSError):
        return "the command line"
