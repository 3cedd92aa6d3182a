"""A pipeline that was trained elsewhere, as a flow sees it: its file is read by another process, with limits.

That process has no secret, no file of the home, no network and no more memory and time than is said here, so what is in
the file can crash, fill or hold up nothing else. What comes back is a model as files of known names: an ONNX graph with
its tables, or a skops file, which is checked again before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import pandas as pd

from tasks.compact import COMPACT_FILE
from tasks.errors import DataError, Error, ParityError
from tasks.inference.onnx_session import ONNX_FILE
from tasks.inference.schema import SCHEMA_FILE
from tasks.model import TOLERANCE, ModelSchema, Predictor, foreign_estimator, load_model
from tasks.model.skops_model import SKOPS_FILE
from tasks.spec.project_spec import ProjectSpec
from tasks.train.fit.portable_fit import PARITY_ROWS, FittedModel
from tasks.train.model_search.recipes import Recipe
from tasks.user_code.confined.child_process import ChildProcess, EndedError
from tasks.user_code.confined.confinement import hidden_folders
from tasks.user_code.confined.framing import ChildMessage, EncodedFrame
from tasks.user_code.confined.process_limits import ProcessLimits, memory_limit_bytes
from tasks.user_code.frame_codec import encoded

Answer = TypeVar("Answer")
ANSWERED_BY = "tasks.train.adopted.adoption_child"
MOST_MEMORY_BYTES, MOST_FILE_BYTES = 4 * 2**30, 2**20
PROCESSOR_SECONDS, PATIENCE_SECONDS = 1_200, 3_600.0
ROWS_OF_AN_ANSWER = 60_000  # for its largest size: 1 GB
REFUSALS: dict[str, type[Error]] = {"DataError": DataError, "ParityError": ParityError}
LONGEST_REFUSAL = 4_000
KNOWN = (
    *("project", "task", "metric", "event_time", "function", "trained_from", "trained_until", "recipe"),
    *("time", "offset", "dates", "calibration", "threshold", "deferral", "interval"),
)
"""What of a schema the file has no say in."""
FILES = {SCHEMA_FILE, ONNX_FILE, SKOPS_FILE, COMPACT_FILE}


@dataclass(frozen=True)
class SeparateAdoption:
    """A pipeline in a process of its own.

    Attributes
    ----------
    name : str
        Of its file.
    made_with : str
        The version of scikit-learn that made it, if that is another one.
    """

    name: str
    made_with: str
    estimator: str
    columns: tuple[str, ...]
    spec: ProjectSpec
    process: ChildProcess

    def fitted(self, rows: pd.DataFrame, trained_until: date) -> FittedModel:
        """Return it as an exported model, which answers as it does.

        Parameters
        ----------
        rows : DataFrame
            Rows with features, oldest first, on which the export is compared with the original: the newest 10,000.
        trained_until : date
            The last day of the rows that it was fitted on, as a person says.

        Raises
        ------
        DataError
            It fails on rows of the project, or needs more memory or time than it may use.
        ParityError
            The export does not predict as the original.
        """
        before = [day for day in rows["event_date"] if day <= trained_until]
        first = min(before, default=trained_until)
        recipe = Recipe((), estimator=f"adopted {self.estimator}", features=self.columns)
        known = ModelSchema(
            project=self.spec.project,
            task=self.spec.training.task,
            metric=self.spec.scope.metric,
            event_time=self.spec.source.event_time,
            function=self.spec.row_function,
            trained_from=first.isoformat(),
            trained_until=trained_until.isoformat(),
            recipe=recipe.described(),
        )
        columns = rows[list(self.columns)]
        whole = columns.iloc[[int(columns.isna().sum(axis=1).argmin())]]
        sent: pd.DataFrame = pd.concat([whole, columns.iloc[-PARITY_ROWS:]], ignore_index=True)
        question = ChildMessage({"schema": known.to_json()}, encoded(sent))
        model, difference = _asked(self.process, self.name, question, lambda answer: _proven(answer, known))
        return FittedModel(recipe, model, difference, len(before), first, trained_until)


@contextmanager
def separate_adoption(
    name: str, content: bytes, spec: ProjectSpec, folders: tuple[Path, Path]
) -> Iterator[SeparateAdoption]:
    """Read a file in a process that ends with the block.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    folders : (Path, Path)
        Of the project, and the home.

    Raises
    ------
    DataError
        The file cannot be read safely, or does not fit the spec.
    """
    memory_bytes = min(MOST_MEMORY_BYTES, memory_limit_bytes())
    limits = ProcessLimits(memory_bytes, PROCESSOR_SECONDS, MOST_FILE_BYTES, has_network=False)
    folder, home = folders
    hidden = [folder, *hidden_folders(home, os.environ)]
    process = ChildProcess(Path(__file__).parent, os.environ, hidden, PATIENCE_SECONDS, limits, ANSWERED_BY)
    try:
        header = {"name": name, "spec": spec.model_dump(mode="json")}
        question = ChildMessage(header, EncodedFrame({}, content))
        estimator, columns, made_with = _asked(process, name, question, lambda answer: _seen(answer, spec))
        yield SeparateAdoption(name, made_with, estimator, columns, spec, process)
    finally:
        process.end()


def _asked(process: ChildProcess, name: str, question: ChildMessage, read: Callable[[ChildMessage], Answer]) -> Answer:
    most = f"{process.memory_mb:,.0f} MB of memory and {process.limits.processor_seconds} s of processor time"
    try:
        answer = process.ask(question, ROWS_OF_AN_ANSWER, lambda message: _refusal(message) or read(message))
    except EndedError as error:
        raise DataError(
            f"{name} is not adopted: the process that reads it {error}. It may use {most}; expected a skops file of a "
            "pipeline that needs less and is not damaged"
        ) from error
    if isinstance(answer, MemoryError):
        raise DataError(f"{name} is not adopted: reading it takes more than {most}. Train a smaller model")
    if isinstance(answer, Error):
        raise answer
    return answer


def _refusal(answer: ChildMessage) -> Error | MemoryError | None:
    """Return why a file is refused, if an answer says so; whatever this raises means that it is none."""
    if "refused" not in answer.header:
        return None
    kind, text = answer.header["refused"]
    return MemoryError() if kind == "MemoryError" else REFUSALS.get(kind, DataError)(str(text)[:LONGEST_REFUSAL])


def _seen(answer: ChildMessage, spec: ProjectSpec) -> tuple[str, tuple[str, ...], str]:
    """Return the estimator, the columns and the version of scikit-learn that a file has."""
    estimator, columns, made_with = (answer.header[key] for key in ("estimator", "columns", "made_with"))
    if not str(estimator).isidentifier() or not columns or not set(columns) <= set(spec.features.learned):
        raise ValueError("found other columns than features of the spec")
    return str(estimator), tuple(map(str, columns)), str(made_with)[:LONGEST_REFUSAL]


def _proven(answer: ChildMessage, known: ModelSchema) -> tuple[Predictor, float]:
    """Return a model and how much it differs; whatever this raises means that there is none."""
    layout, content = answer.frame or EncodedFrame({}, b"")
    files, start = {}, 0
    for name, size in layout.items():
        files[name] = bytes(content[start : start + int(size)])
        start += int(size)
    if start != len(content) or not set(files) <= FILES:
        raise ValueError("found other files than those of a model")
    model, difference = load_model(files), float(answer.header["difference"])
    facts = {name: getattr(known, name) for name in KNOWN}
    if replace(model.schema, **facts) != model.schema or not 0 <= difference <= TOLERANCE:
        raise ValueError("found a schema that says something else than is known")
    if SKOPS_FILE in files:
        foreign_estimator(SKOPS_FILE, files[SKOPS_FILE])  # as the file itself was: what runs there may be another
    return model, difference
