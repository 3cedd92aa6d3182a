"""A model that another program logged to MLflow: the one skops file among the artifacts of a run.

Only this file is fetched. `load_model` of MLflow is never called: it runs code from the artifact.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import DataError, Unreachable
from tasks.registry.mlflow_server import Server

DEEPEST = 4  # folders in which artifacts are looked for
SKOPS = ".skops"
LOGGED_AS = (
    "`mlflow.sklearn.log_model(pipeline, name='model', serialization_format='skops')`, or "
    "`mlflow.log_artifact('model.skops')`, logs one"
)


def skops_of_run(server: Server, run: str, most_bytes: int) -> tuple[str, bytes]:
    """Return the path and the content of a run's skops file.

    Parameters
    ----------
    run : str
        The id of the run; "/" and a path after it chooses among several files.
    most_bytes : int
        Of the file: a larger one is not fetched, or not read where the server had said less.

    Raises
    ------
    DataError
        There is no such run, or it does not have exactly one such file.
    Unreachable
        The server lists the file, and does not send it.
    """
    run_id, _, within = run.partition("/")
    if server.ask_or_none("get_run", run_id) is None:
        raise DataError(f"{run_id} is neither a file here nor a run of {server.url}; expected one of both")
    listed = dict(_files(server, run_id))
    chosen = [path for path in listed if path.endswith(SKOPS) and f"{path}/".startswith(f"{within}/" if within else "")]
    if len(chosen) != 1:
        found = ", ".join(sorted(chosen or listed)[:10]) or "no file"
        which = f"name one as {run_id}/PATH" if chosen else LOGGED_AS
        raise DataError(f"run {run_id} has {found}; expected one skops file, which can be read safely: {which}")
    _refuse_large(listed[chosen[0]] or 0, most_bytes, f"{chosen[0]} of run {run_id}")
    with tempfile.TemporaryDirectory(prefix="leeway-") as folder:
        fetched = server.ask_or_none("download_artifacts", run_id, chosen[0], folder)
        if fetched is None:
            raise Unreachable(f"MLflow at {server.url} lists {chosen[0]} of run {run_id}, and does not send it.")
        _refuse_large(Path(fetched).stat().st_size, most_bytes, f"{chosen[0]} of run {run_id}")
        return chosen[0], Path(fetched).read_bytes()


def _refuse_large(size_bytes: int, most_bytes: int, name: str) -> None:
    if size_bytes > most_bytes:
        raise DataError(f"{name} has more than {most_bytes:,} bytes; it is not read. Train a smaller model")


def _files(server: Server, run_id: str) -> Iterator[tuple[str, int | None]]:
    """Yield path and size of the files of a run, and of the models that were logged with it."""
    yield from _below(server, run_id, None, 1)
    outputs = server.ask("get_run", run_id).outputs
    for output in () if outputs is None else outputs.model_outputs:
        model = server.ask("get_logged_model", output.model_id)
        for entry in server.ask("list_logged_model_artifacts", output.model_id):
            yield f"{model.name}/{entry.path}", entry.file_size


def _below(server: Server, run_id: str, path: str | None, depth: int) -> Iterator[tuple[str, int | None]]:
    for entry in server.ask("list_artifacts", run_id, path):
        if not entry.is_dir:
            yield entry.path, entry.file_size
        elif depth < DEEPEST:
            yield from _below(server, run_id, entry.path, depth + 1)
