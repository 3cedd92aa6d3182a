"""Adds job variables to generated deployments: a retraining runs as another account, with more memory.

    python infra/k8s/place.py deployments/prefect.yaml > placed.yaml

The variables are those of work-pool.json; other deployments use its defaults.
"""
# ruff: noqa: INP001 - a script of the image, not a package

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

PLACES: dict[str, dict[str, str]] = {
    "retrain": {"service_account_name": "leeway-train", "memory_request": "4Gi", "memory_limit": "8Gi"},
}
"""Job variables by the kind of flow."""


def placed(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the content of prefect.yaml with job variables for the deployments that need some.

    >>> one = {"name": "shop", "entrypoint": "flows.retrain.retrain", "work_pool": {"name": "leeway"}}
    >>> placed({"deployments": [one]})["deployments"][0]["work_pool"]["job_variables"]["service_account_name"]
    'leeway-train'
    """
    return {**whole, "deployments": [_with_place(deployment) for deployment in whole["deployments"]]}


def _with_place(deployment: dict[str, Any]) -> dict[str, Any]:
    place = PLACES.get(deployment["entrypoint"].rsplit(".", 1)[-1])
    pool = deployment["work_pool"]
    if place is None:
        return deployment
    return {**deployment, "work_pool": {**pool, "job_variables": {**pool.get("job_variables", {}), **place}}}


if __name__ == "__main__":
    yaml.safe_dump(placed(yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))), sys.stdout, sort_keys=False)
