"""The feature function of a project: the same code in training and in scoring, run in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tasks.errors import DataError, SpecError
from tasks.features.made_columns import is_whole, typed_as_made, with_room_for_missing
from tasks.features.row_failures import without_values
from tasks.spec.own_names import RESERVED, SUFFIX, delivered_name
from tasks.spec.project_spec import Privacy, ProjectSpec
from tasks.user_code.function_calls import MadeRows, UnusableFunctionError, UserFunction, features_made, load
from tasks.user_code.purity import ROWS_TRIED


class Featured(NamedTuple):
    """Rows with the columns of the function, and what is said of some rows, by position.

    In a row that the function fails on, the columns that it adds are missing, and all others are as they were.

    Parameters
    ----------
    rows : DataFrame
        All rows; with a spec, the made columns are in their kinds.
    failures : dict of int to str
        The rows that the function fails on.
    faults : dict of int to str
        The rows for which it makes a value of another kind, which is missing.
    """

    rows: pd.DataFrame
    failures: dict[int, str]
    faults: dict[int, str]


def with_features(frame: pd.DataFrame, path: str | None, folder: Path, spec: ProjectSpec | None = None) -> pd.DataFrame:
    """Return the frame with the columns that the project's function adds; see `featured`.

    Raises
    ------
    SpecError
        The function does not exist.
    DataError
        The function fails on every row, is not pure, or ends the process that runs it.

    Examples
    --------
    >>> frame = pd.DataFrame({"area": [50.0]})
    >>> with_features(frame, None, Path()) is frame
    True
    """
    made = featured(frame, path, folder, spec)
    if made.failures and len(made.failures) == len(frame):
        raise fails_everywhere(path, len(frame), next(iter(made.failures.values())))
    return made.rows


def featured(frame: pd.DataFrame, path: str | None, folder: Path, spec: ProjectSpec | None = None) -> Featured:
    """Return the frame with the columns that the project's function adds, and the rows on which it fails.

    Parameters
    ----------
    frame : DataFrame
        Accepted rows.
    path : str or None
        `module:function`; None returns the frame unchanged.
    folder : Path
        The folder of the project; its modules take precedence over installed ones.
    spec : ProjectSpec, optional
        For the kinds of the made columns, and for the privacy rules, which messages keep. By default columns are as the
        function made them, and messages quote values.

    Raises
    ------
    SpecError
        The function does not exist.
    DataError
        The function is not pure, or ends the process that runs it.
    """
    if path is None:
        return Featured(frame, {}, {})
    privacy = Privacy() if spec is None else spec.privacy
    called = _called(path, folder, _as_delivered(frame), privacy, pure=True)
    made = called.rows
    failures = {place: without_values(message, privacy) for place, message in called.failures.items()}
    passing = [place for place in range(len(frame)) if place not in failures]
    if made is None:
        return Featured(frame, failures, {})
    inside = _inside(made, frame.iloc[passing] if failures else frame)
    typed, faults = (inside, {}) if spec is None else typed_as_made(inside, spec)
    if failures:
        roomy = typed if spec is None else with_room_for_missing(typed, spec)
        typed = _with_failing(roomy, frame, passing)
    return Featured(typed, failures, {passing[at]: without_values(said, privacy) for at, said in faults.items()})


def row_failures(frame: pd.DataFrame, spec: ProjectSpec, folder: Path) -> dict[int, str]:
    """Return the message of each row on which the project's function fails or makes a wrong value, by position.

    Raises
    ------
    SpecError
        The function does not exist.
    """
    if spec.row_function is None:
        return {}
    called = _called(spec.row_function, folder, _as_delivered(frame), spec.privacy, pure=False)
    made, failures = called.rows, called.failures
    if made is None:
        return {place: without_values(message, spec.privacy) for place, message in failures.items()}
    passing = [place for place in range(len(frame)) if place not in failures]
    faults = typed_as_made(_inside(made, frame.iloc[passing]), spec)[1]
    said = failures | {passing[place]: message for place, message in faults.items()}
    return {place: without_values(message, spec.privacy) for place, message in sorted(said.items())}


def fails_everywhere(path: str | None, rows: int, message: str) -> DataError:
    """Return the error of a function that fails on every row, with what is said of the first."""
    return DataError(
        f"features.function {path!r} fails on each of {rows} rows: {message}. Correct the function; "
        "`leeway check PROJECT --run` tries it on the newest delivery"
    )


def require_function(path: str, folder: Path) -> None:
    """Import the module of the function named `module:function`, in the process that runs the project's own code.

    Raises
    ------
    SpecError
        The function does not exist.
    """
    try:
        load(UserFunction(path, folder))
    except UnusableFunctionError as error:
        raise _unusable(path, error) from error


def _as_delivered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows under the names that columns were delivered with, as a function of the project knows them."""
    names = {name: delivered_name(name) for name in map(str, frame.columns)}
    outside = {name: other for name, other in names.items() if name != other}
    return frame.drop(columns=[*outside.values()], errors="ignore").rename(columns=outside) if outside else frame


def _inside(made: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what a function made under the names that columns have inside, next to Leeway's own columns."""
    own = [name for name in frame.columns if name in RESERVED]
    given = {delivered_name(str(name)) for name in frame.columns if delivered_name(str(name)) != name}
    names = {
        name: f"{name}{SUFFIX}"
        for name in made.columns
        if name in RESERVED and (name in given or name not in own or not made[name].equals(frame[name]))
    }
    renamed = made.rename(columns=names) if names else made
    lost = {name: frame[name] for name in own if name not in renamed}
    return renamed.assign(**lost) if lost else renamed


def _with_failing(made: pd.DataFrame, frame: pd.DataFrame, passing: list[int]) -> pd.DataFrame:
    """Return all rows of a frame: those that pass as the function made them, the others as they were.

    Whole numbers and booleans stay what they are: as Python objects, where another type would change them.
    """
    numbered = frame.reset_index(drop=True)
    places = numbered.index[passing]
    placed = made.set_axis(places)
    wide = placed.astype({name: object for name in made if is_whole(made[name])}).reindex(numbered.index)
    for name in made.columns.intersection(frame.columns):
        same = placed[name].equals(numbered.loc[places, name])
        mixed = wide[name].where(numbered.index.isin(places), numbered[name])
        wide[name] = numbered[name] if same else mixed.infer_objects()
    return wide.set_axis(frame.index)


def _called(spec_path: str, folder: Path, frame: pd.DataFrame, privacy: Privacy, *, pure: bool) -> MadeRows:
    """Return what the project's function makes of rows, in a process of its own.

    Raises
    ------
    SpecError
        The function does not exist.
    DataError
        The process that runs it ended, or the function is not pure.
    """
    try:
        made = features_made(UserFunction(spec_path, folder, is_private=privacy.is_set), frame, pure=pure)
    except UnusableFunctionError as error:
        raise _unusable(spec_path, error) from error
    if made.impurity is not None:
        raise _impure(spec_path, made, len(frame) - len(made.failures), privacy)
    return made


def _unusable(path: str, error: UnusableFunctionError) -> SpecError:
    said = {
        "missing": f"but {error}; put the module next to project.yaml or install it",
        "none": f"which is a {error}; expected a function",
    }
    return SpecError([f"features.function is {path!r}, {said.get(error.kind, f'but importing it fails: {error}')}"])


def _impure(path: str, made: MadeRows, passing: int, privacy: Privacy) -> DataError:
    """Return the error of a function that is not pure."""
    kind, text = made.impurity or ("", "")
    if kind == "head":
        head = min(passing, ROWS_TRIED)
        said = without_values(text, privacy)
        return DataError(f"{path} can be applied to {passing} rows, but not to the first {head}: {said}")
    fault = f"for fewer rows it raises {without_values(text, privacy)}" if kind == "fewer" else text
    return DataError(
        f"{path} must give the same result for a row in training, in the nightly batch and in service, but {fault}"
    )
