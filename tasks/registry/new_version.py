"""A new version in MLflow: one run with its metrics and its sealed files, and a version that points at them."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import datetime
from pathlib import Path

from tasks.errors import EvidenceError
from tasks.registry.fetched_files import FOLDER
from tasks.registry.manifest import MANIFEST, seal
from tasks.registry.mlflow_names import DIGEST, KEY
from tasks.registry.project_runs import ProjectRuns
from tasks.registry.series import log_run
from tasks.registry.signing import HomeKeys, Keys
from tasks.registry.statement import Statement
from tasks.registry.versions import Draft, dataset


def create_version(runs: ProjectRuns, keys: Keys | HomeKeys, project: str, draft: Draft, at: datetime) -> None:
    """Create the run, the signed files and the version of a draft.

    Parameters
    ----------
    at : datetime
        The moment that is signed, aware.

    Raises
    ------
    EvidenceError
        When there is no signing key, or a file name is not flat.
    """
    if keys.private is None:
        raise EvidenceError("there is no key to sign the version with; set LEEWAY_SIGNING_KEY, or let one be created.")
    server, run_id = runs.server, runs.start(runs.experiment(project), draft.key, {KEY: draft.key})
    about, statement = {"project": project, "key": draft.key}, Statement(run_id, at, draft.basis)
    sealed = seal(draft.files, about, keys.private, statement)
    log_run(server, run_id, at=at, params=draft.params)
    log_run(server, run_id, at=at, metrics=draft.metrics)
    if draft.inputs:
        server.ask("log_inputs", run_id, datasets=[dataset(table) for table in draft.inputs])
    with tempfile.TemporaryDirectory(prefix="leeway-") as folder:
        for name, content in sealed.items():
            (Path(folder) / name).write_bytes(content)
        server.ask("log_artifacts", run_id, folder, FOLDER)
    server.ask("set_terminated", run_id)
    # Not `runs:/...`: with that the server cannot read its own proxied files, and the page shows no schema.
    artifacts = server.ask("get_run", run_id).info.artifact_uri
    server.ask(
        "create_model_version",
        project,
        source=f"{artifacts}/{FOLDER}",
        run_id=run_id,
        tags={**draft.tags, KEY: draft.key, DIGEST: hashlib.sha256(sealed[MANIFEST]).hexdigest()},
        description=draft.description,
        await_creation_for=0,
    )
