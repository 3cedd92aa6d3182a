"""Creates the accounts of MLflow: `pipeline` trains and registers, `serving` only reads, and people only approve.

Run it as the administrator (MLFLOW_TRACKING_URI, _USERNAME, _PASSWORD). LEEWAY_APPROVERS lists the accounts of people;
the first password of an account is in LEEWAY_SECRETS/mlflow_<account>_password. A second run changes nothing, and keeps
passwords that people have changed.
"""
# ruff: noqa: INP001 - a script of the image, not a package

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlflow.exceptions import RestException
from mlflow.server.auth.client import AuthServiceClient

PIPELINE, SERVING = "pipeline", "serving"
TAGGED = ("registered_model_version", "*", "EDIT")
"""The permission of an approver in addition to reading: tag versions, but not create, delete or promote them."""


def main() -> int:
    """Create the missing accounts."""
    client = AuthServiceClient(os.environ["MLFLOW_TRACKING_URI"])
    people = [name.strip() for name in os.environ.get("LEEWAY_APPROVERS", "").split(",") if name.strip()]
    for account in (PIPELINE, SERVING, *people):
        path = Path(os.environ.get("LEEWAY_SECRETS", "/run/secrets")) / f"mlflow_{account}_password"
        if not path.is_file():
            sys.stderr.write(f"{account} has no first password: expected it in {path} (infra/secrets.sh)\n")
            return 1
        made = make(client, account, path.read_text(encoding="utf-8").strip())
        sys.stdout.write(f"account {account}: {'made' if made else 'was there'}\n")
    for account in people:
        client.grant_user_permission(account, *TAGGED)
    return 0


def make(client: AuthServiceClient, account: str, password: str) -> bool:
    """Create an account; return whether it was missing."""
    try:
        client.create_user(account, password)
    except RestException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
