"""Two work pools: `leeway` for nights, promotions and upkeep; `leeway-train` for retrainings, which sign versions.

    python infra/pools.py deployments deployments/prefect.yaml > placed.yaml
    python infra/pools.py template infra/k8s/work-pool.json leeway-train > train.json

The first command assigns the generated deployments to the two pools. The second returns the Kubernetes job template of
a pool: work-pool.json with the image in LEEWAY_IMAGE and, for retrainings, another account, other secrets and more
memory.
"""
# ruff: noqa: INP001 - a script of the image, not a package

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

TRAIN = "leeway-train"
TRAINING = {"retrain"}
"""The flows that sign versions."""
MEMORY = {"memory_request": "4Gi", "memory_limit": "8Gi"}


def placed(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the content of prefect.yaml with the pool of each deployment.

    >>> one = {"name": "shop", "entrypoint": "flows.retrain.retrain", "work_pool": {"name": "leeway"}}
    >>> placed({"deployments": [one]})["deployments"][0]["work_pool"]
    {'name': 'leeway-train'}
    """
    return {**whole, "deployments": [_with_pool(deployment) for deployment in whole["deployments"]]}


def _with_pool(deployment: dict[str, Any]) -> dict[str, Any]:
    if deployment["entrypoint"].rsplit(".", 1)[-1] not in TRAINING:
        return deployment
    return {**deployment, "work_pool": {**deployment["work_pool"], "name": TRAIN}}


def template(whole: dict[str, Any], pool: str, image: str) -> dict[str, Any]:
    """Return the job template of a pool; `whole` is the content of work-pool.json, which is changed."""
    pod = whole["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["image"] = image
    if pool == TRAIN:
        pod["serviceAccountName"] = TRAIN
        container["envFrom"][-1]["configMapRef"]["name"] = TRAIN
        (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
        secret["secretName"] = TRAIN
        secret["items"].append({"key": "signing_key", "path": "signing_key"})
        for name, quantity in MEMORY.items():
            whole["variables"]["properties"][name]["default"] = quantity
    return whole


def main(what: str, path: str, pool: str = "") -> None:
    """Write what was asked for to standard output."""
    text = Path(path).read_text(encoding="utf-8")
    if what == "deployments":
        yaml.safe_dump(placed(yaml.safe_load(text)), sys.stdout, sort_keys=False)
    else:
        json.dump(template(json.loads(text), pool, os.environ["LEEWAY_IMAGE"]), sys.stdout, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
