"""What the controller says of a project for its workers: why the champion is not published, or that there is none.

The notes are not signed: they are shown, and a worker does not wait for a project of which one is there.
"""

from __future__ import annotations

from pathlib import Path

from tasks.whole_file import private_folder, write_whole

FAULT_FILE, LANDING_FAULT_FILE = "publisher_fault.txt", "landing_fault.txt"
"""Why the champion of a project could not be published, and its log not land."""
NO_CHAMPION_FILE = "no_champion.txt"
NO_CHAMPION = "the decision record names no champion that the registry has; approve a version"
OF_ROUTE = (FAULT_FILE, NO_CHAMPION_FILE)


def note_champion(folder: Path, *, has_route: bool) -> None:
    """Say that a project, given by its folder in the serving folder, has no champion, unless it has a route."""
    if has_route:
        (folder / NO_CHAMPION_FILE).unlink(missing_ok=True)
    else:
        write_whole(private_folder(folder) / NO_CHAMPION_FILE, NO_CHAMPION.encode())


def says_why_unrouted(folder: Path) -> bool:
    """Return whether the controller has said, since the service started, why a project has no route.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     note_champion(Path(place), has_route=False)
    ...     said = says_why_unrouted(Path(place))
    ...     forget_notes(Path(place))
    ...     said, says_why_unrouted(Path(place))
    (True, False)
    """
    return any((folder / name).exists() for name in OF_ROUTE)


def forget_notes(folder: Path) -> None:
    """Remove what a controller has said of the route of a project; the next one says it again."""
    for name in OF_ROUTE:
        (folder / name).unlink(missing_ok=True)
