"""What the service has kept of a project goes with it when it gets another name."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from tasks.serving_store.api_keys import ApiKeys, read_keys, write_keys
from tasks.serving_store.logged_rows import LOG_FOLDER, UNREADABLE_FOLDER
from tasks.serving_store.sent_files import DECISION_FOLDER, FEEDBACK_FOLDER, LABEL_FOLDER
from tasks.whole_file import private_folder, sync_folder

KEPT = (LOG_FOLDER, UNREADABLE_FOLDER, LABEL_FOLDER, FEEDBACK_FOLDER, DECISION_FOLDER)


def rename_kept(root: Path, old: str, new: str) -> None:
    """Give what waits to be landed of a project, and the keys for it, another name; it may be repeated.

    Its packages and its route are removed: the next service makes them again under the new name.

    Parameters
    ----------
    root : Path
        The serving folder.
    """
    for kept_in in KEPT:
        waiting = root / kept_in / old
        if not waiting.is_dir():
            continue
        folder = private_folder(root / kept_in / new)
        for path in sorted(waiting.iterdir()):
            path.rename(_unused(folder / path.name))
        sync_folder(folder)
        with suppress(OSError):  # a worker that still runs has written another file: a repeated call moves it
            waiting.rmdir()
    shutil.rmtree(root / old, ignore_errors=True)
    keys = read_keys(root).keys
    named = tuple(msgspec.structs.replace(key, projects=_renamed(key.projects, old, new)) for key in keys)
    if named != keys:
        write_keys(root, ApiKeys(named))


def _unused(path: Path) -> Path:
    """Return a path that no file has: files of two names may have one number."""
    number, found = 0, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def _renamed(projects: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    """Return names with another one for one of them.

    >>> _renamed(("shop", "flats"), "shop", "store"), _renamed((), "shop", "store")
    (('store', 'flats'), ())
    """
    return tuple(dict.fromkeys(new if name == old else name for name in projects))
