"""The provenance of a version: everything that its training records so that it can be repeated."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.workspace import Workspace
from tasks.lake import Lake, LakeSnapshot
from tasks.registry import Input
from tasks.train import TrainingResult
from tasks.user_code.on_request.code_digest import code_digest
from tasks.user_code.user_modules import module_file

READ = ("batches", "rows", "labels", "features")
"""The tables that a training reads; upkeep keeps the states of them that versions name."""
PACKAGES = ("numpy", "pandas", "scikit-learn", "onnx", "onnxruntime", "skops", "lightgbm", "xgboost-cpu", "xgboost")
LOCK = "requirements.lock"
GIT_SECONDS = 10


def origin(workspace: Workspace, trained: TrainingResult) -> dict[str, Any]:
    """Return what a training is repeated from, next to the lake's commits: its recipe, its spec, and its code."""
    return {
        "recipe_parts": trained.recipe.described(),
        "finish": trained.fitted_calibration.to_dict(),
        "spec": workspace.spec.model_dump(mode="json"),
        "code": code(workspace.spec.features.function, workspace.folder),
    }


def commits(lake: Lake, project: str) -> dict[str, int]:
    """Return the newest commit of each table that a training reads; a table that was never written has none."""
    found = {table: lake.version(project, table) for table in READ}
    return {table: commit for table, commit in found.items() if commit is not None}


def as_of(workspace: Workspace, read_at: Mapping[str, int]) -> Workspace:
    """Return the workspace with a lake that is read as it was at certain commits: what lands meanwhile is not seen."""
    return replace(workspace, lake=LakeSnapshot(workspace.lake.root, workspace.lake.options, commits=dict(read_at)))


def inputs(workspace: Workspace, read_at: dict[str, int]) -> tuple[Input, ...]:
    """Return the tables that were read, for MLflow's page of the run."""
    return tuple(
        Input(table, workspace.lake.uri(workspace.project, table), commit) for table, commit in read_at.items()
    )


def code(function: str | None = None, folder: Path | None = None) -> dict[str, Any]:
    """Return the code that a model is made by; it may explain why the same rows gave another model.

    Parameters
    ----------
    function, folder : str and Path, optional
        The project's feature function, and the project's folder.
    """
    root = Path(__file__).resolve().parents[3]
    return {
        "leeway": version("leeway"),
        "commit": git_commit(root),
        "lock_sha256": _sha256(root / LOCK),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "features_sha256": _features_sha256(function, folder),
        "feature_files_sha256": None if function is None or folder is None else code_digest(function, folder),
    }


def git_commit(root: Path) -> str | None:
    """Return the commit of a source tree, with `-dirty` where files differ from it; None outside of git."""
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=False, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _features_sha256(function: str | None, folder: Path | None) -> str | None:
    """Return the sha256 of the file of a feature function, next to the spec or importable; None without one."""
    if function is None:
        return None
    file = module_file(function.partition(":")[0], folder or Path())
    return None if file is None else _sha256(file)


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
