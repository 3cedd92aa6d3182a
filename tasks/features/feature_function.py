"""The feature function of a project: the same code in training and in scoring, and a check that it is pure.

A function is pure when its result for a row depends on that row only, every time.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

import pandas as pd

from tasks.errors import DataError, SpecError
from tasks.features.clock_calls import clock_call
from tasks.features.made_columns import is_whole, typed_as_made, with_room_for_missing
from tasks.features.row_failures import FeatureFunction, applied, attempted, described, without_values
from tasks.features.user_modules import module_of
from tasks.spec.own_names import RESERVED, SUFFIX, delivered_name
from tasks.spec.project_spec import Privacy, ProjectSpec

ROWS_TRIED = 50
_CHECKED: dict[int, FeatureFunction] = {}  # by identity: a callable need not be hashable


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
        The function fails on every row, or is not pure.

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
        The function is not pure.
    """
    if path is None:
        return Featured(frame, {}, {})
    privacy = Privacy() if spec is None else spec.privacy
    function, given = function_at(path, folder), _as_delivered(frame)
    made, failed = applied(function, given)
    failures = {place: without_values(message, privacy) for place, message in failed.items()}
    passing = [place for place in range(len(frame)) if place not in failures]
    _require_pure(path, function, given.iloc[passing] if failures else given, privacy)
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
    if spec.features.function is None:
        return {}
    made, failures = applied(function_at(spec.features.function, folder), _as_delivered(frame))
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


def function_at(path: str, folder: Path) -> FeatureFunction:
    """Return the function named `module:function`; modules next to project.yaml take precedence over installed ones.

    Raises
    ------
    SpecError
        The function does not exist.
    """
    module_name, name = path.split(":")
    try:
        function = getattr(module_of(module_name, folder), name)
    except Exception as error:
        raise SpecError(
            [f"features.function is {path!r}, but {error}; put the module next to project.yaml or install it"]
            if isinstance(error, ImportError | AttributeError)
            else [f"features.function is {path!r}, but importing it fails: {error!r}"]
        ) from error
    if not callable(function):
        raise SpecError([f"features.function is {path!r}, which is a {type(function).__name__}; expected a function"])
    return cast("FeatureFunction", function)


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


def _require_pure(path: str, function: FeatureFunction, frame: pd.DataFrame, privacy: Privacy) -> None:
    """Check a function once per process, on the first rows it is given."""
    if id(function) in _CHECKED or frame.empty:
        return
    head = frame.head(ROWS_TRIED)
    if isinstance(result := attempted(function, head), str):
        message = without_values(result, privacy)
        raise DataError(f"{path} can be applied to {len(frame)} rows, but not to the first {len(head)}: {message}")
    try:
        fault = impurity(function, head)
    except Exception as error:  # noqa: BLE001 - a user's function may raise anything
        fault = f"for fewer rows it raises {without_values(described(error), privacy)}"
    if fault:
        raise DataError(
            f"{path} must give the same result for a row in training, in the nightly batch and in service, but {fault}"
        )
    _CHECKED[id(function)] = function


def impurity(function: FeatureFunction, frame: pd.DataFrame) -> str:
    """Return why a function is not pure, or an empty text; it is tried on the first 50 rows.

    Training and the nightly batch pass many rows, the service one at a time: the results must agree. A clock gives the
    same day twice in one check, so the code of the function is searched for one.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": [50.0, 70.0]})
    >>> impurity(lambda frame: frame.assign(twice=2 * frame["area"]), rows)
    ''
    >>> impurity(lambda frame: frame.assign(share=frame["area"] / frame["area"].sum()), rows)
    'the result for a row depends on the other rows: for one row alone, it gives another share'
    """
    head = frame.head(ROWS_TRIED)
    if head.empty:
        return ""
    if (asked := clock_call(function)) is not None:
        return f"it asks the clock ({asked}): another night gives another result; subtract from the row's event time"
    argument = head.copy(deep=True)
    first = function(argument)
    if not _same(argument, head):
        return "it changes the frame it is given: copy it, or use frame.assign(...)"
    if changed := _unlike(first, function(head.copy(deep=True))):
        return f"for the same rows it gives another {changed} the second time: use no clock, no random number, no state"
    if changed := _unlike(first.iloc[[0]], function(head.iloc[[0]].copy(deep=True))):
        return f"the result for a row depends on the other rows: for one row alone, it gives another {changed}"
    return ""


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return list(one) == list(other) and one.index.equals(other.index) and one.equals(other)


def _unlike(one: pd.DataFrame, other: object) -> str:
    """Return what differs: the name of a column, the number of rows or the set of columns."""
    if not isinstance(other, pd.DataFrame) or not one.index.equals(other.index):
        return "number of rows"
    if list(one) != list(other):
        return f"set of columns ({', '.join(sorted(map(str, set(one) ^ set(other)))) or 'another order'})"
    for name in one:
        try:
            pd.testing.assert_series_equal(one[name], other[name], check_dtype=False)
        except AssertionError:
            return str(name)
    return ""
