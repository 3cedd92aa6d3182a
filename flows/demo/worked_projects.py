"""The worked projects: a spec, a suite and deliveries that show the life of one model, shipped with Leeway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.shipped_files import shipped_file
from tasks.errors import DataError, nearest

# House prices: sales of May to October 2014; the labels of the last ones land two weeks later.
# Card fraud: the first delivery has the history, of January to the 7th of June 2026.
HISTORY_UNTIL = {"house-prices": date(2014, 11, 17), "card-fraud": date(2026, 6, 8)}
FIRST = "house-prices"


@dataclass(frozen=True)
class WorkedProject:
    """A worked project: the path of its spec, and the last night with the data on which its first model is trained."""

    path: Path
    history_until: date


def worked_project(name: str = FIRST) -> WorkedProject:
    """Return a worked project by its name.

    Raises
    ------
    DataError
        There is none of this name.

    Examples
    --------
    >>> worked_project("card-fraud").history_until
    datetime.date(2026, 6, 8)
    """
    if name not in HISTORY_UNTIL:
        hint = nearest(name, list(HISTORY_UNTIL))
        raise DataError(f"found no worked project {name!r}; expected one of {', '.join(HISTORY_UNTIL)}{hint}")
    return WorkedProject(shipped_file(f"deployments/{name}/project.yaml"), HISTORY_UNTIL[name])
