"""The worked projects: a spec, a suite and deliveries that show the life of one model, shipped with Leeway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from flows.shipped_files import shipped_file
from tasks.errors import DataError, nearest
from tasks.records import FaultAnswer

# House prices: sales of May to October 2014; the labels of the last ones land two weeks later.
# Card fraud: the first delivery has the history, of January to the 7th of June 2026.
# Screen inspection: the first delivery has the history, of the 2nd of March to the 17th of April 2026.
# Apple sorting: the first delivery has the history, of the 5th of January to the 22nd of March 2026.
# Voice search has two projects upstream, each of which answers for six weeks before the next one learns from it.
HISTORY_UNTIL = {
    "house-prices": date(2014, 11, 17),
    "card-fraud": date(2026, 6, 8),
    "voice-activity": date(2026, 2, 16),
    "voice-recogniser": date(2026, 3, 30),
    "voice-search": date(2026, 5, 11),
    "patient-records": date(2026, 3, 2),
    "screen-inspection": date(2026, 4, 20),
    "apple-sorting": date(2026, 3, 23),
}
UPSTREAM = {"voice-search": ("voice-activity", "voice-recogniser")}
SHOWN = ("house-prices", "card-fraud", "voice-search", "patient-records", "screen-inspection", "apple-sorting")
ANSWERS: dict[str, dict[str, FaultAnswer]] = {
    "patient-records": {"assay": "drift"},
    "apple-sorting": {"variety": "fault"},
    "screen-inspection": dict.fromkeys(("dark_spot", "bright_spot", "bright_line", "corner_2"), "drift"),
}
FIRST = "house-prices"
PEOPLE = "callers.py"
"""A script with the people of a story that react to answers: `main(projects folder)` writes their feedback."""


@dataclass(frozen=True)
class WorkedProject:
    """A worked project: the path of its spec, and the last night with the data on which its first model is trained.

    `upstream` are the projects that it is shown with, the first of the chain first; `people` is the script with people
    who react to its answers, if the story has them; `answers` are those of its people, by column, if they are asked
    whether it is broken or has drifted.
    """

    path: Path
    history_until: date
    upstream: tuple[WorkedProject, ...] = ()
    people: Path | None = None
    answers: Mapping[str, FaultAnswer] = field(default_factory=dict)

    @property
    def chain(self) -> tuple[WorkedProject, ...]:
        """The projects upstream, and then this one."""
        return (*self.upstream, self)


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
    >>> [project.path.parent.name for project in worked_project("voice-search").chain]
    ['voice-activity', 'voice-recogniser', 'voice-search']
    """
    if name not in SHOWN:
        hint = nearest(name, list(SHOWN))
        raise DataError(f"found no worked project {name!r}; expected one of {', '.join(SHOWN)}{hint}")
    upstream = tuple(_project(other) for other in UPSTREAM.get(name, ()))
    return _project(name, upstream)


def _project(name: str, upstream: tuple[WorkedProject, ...] = ()) -> WorkedProject:
    path = shipped_file(f"deployments/{name}/project.yaml")
    people = path.with_name(PEOPLE)
    return WorkedProject(
        path, HISTORY_UNTIL[name], upstream, people if people.is_file() else None, ANSWERS.get(name, {})
    )
