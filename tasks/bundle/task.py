"""Writes the files of a bundle to a folder, and reads them back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.errors import DataError, EvidenceError
from tasks.registry.manifest import MANIFEST, SIGNATURE
from tasks.whole_file import sync_folder, write_whole

READABLE = 0o644
COMPILED = "__pycache__"
"""Where Python keeps the modules that it has imported from a bundle: replaced with it, and not verified."""
MOST_BYTES = 1 << 30


def write_bundle(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a bundle, in place of an earlier bundle of the same project and form if there is one.

    The new folder is written whole next to the earlier one and then renamed: after a failure the earlier one is still
    there, or none, and the same call succeeds. A process that is killed may leave a folder `.bundle-...` next to it.

    Raises
    ------
    DataError
        When the folder has anything else; nothing is changed then.
    OSError
        When the disk is full or refuses the write, or the folder is one that cannot be renamed (a mount).
    """
    about = json.loads(files[MANIFEST])["about"]
    check_folder(about["project"], about["bundle"], folder)
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".bundle-", dir=target.parent, ignore_cleanup_errors=True) as drafts:
        new = Path(drafts, "new")
        new.mkdir()
        for name in sorted(files):
            write_whole(new / name, files[name], READABLE)
        _swap(new, target, Path(drafts, "old"))
    sync_folder(target.parent)


def check_folder(project: str, form: str, folder: Path) -> None:
    """Raise DataError unless a folder is missing, empty, or has an earlier bundle of a project and form alone."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise DataError(f"{folder} is no folder; name one that is empty or does not exist")
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not found:
        return
    own = _about(folder)
    if own is None or (own.get("project"), own.get("bundle")) != (project, form):
        raise DataError(
            f"{folder} has other files, such as {min(found)}; a bundle replaces only an earlier one of the same "
            "project and form. Name another folder, or empty this one"
        )
    if foreign := sorted(found - {*_listed(folder), MANIFEST, SIGNATURE, COMPILED}):
        raise DataError(f"{folder} has files that are not of its bundle: {', '.join(foreign[:5])}; move them first")


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder.

    Raises
    ------
    EvidenceError
        When it has no bundle.
    """
    if not (folder / MANIFEST).is_file():
        raise EvidenceError(f"{folder} has no bundle: there is no {MANIFEST} in it. Name the folder of a bundle.")
    paths = sorted(folder.iterdir())
    if any(path.name == COMPILED for path in paths):
        raise EvidenceError(
            f"{folder} has {COMPILED}, which no signature covers and Python runs instead of the files that were "
            "signed. Remove it, and verify again."
        )
    odd = [path.name for path in paths if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES]
    if odd:
        raise EvidenceError(
            f"{folder} has more than the files of a bundle: {', '.join(odd[:5])}. Copy the bundle again."
        )
    return {path.name: path.read_bytes() for path in paths}


def _swap(new: Path, target: Path, old: Path) -> None:
    """Put a new folder in the place of a target, which becomes the old one; if that fails the target stays."""
    if not target.exists():
        new.rename(target)
        return
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise


def _about(folder: Path) -> dict[str, str] | None:
    """Return what the manifest of a folder is about; None if there is none that can be read."""
    try:
        about = json.loads((folder / MANIFEST).read_bytes())["about"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return about if isinstance(about, dict) and "bundle" in about else None


def _listed(folder: Path) -> list[str]:
    """Return the files that the manifest of a folder lists, by names that stay in the folder."""
    if _about(folder) is None:
        return []
    names = json.loads((folder / MANIFEST).read_bytes()).get("files", {})
    return [name for name in names if isinstance(name, str) and Path(name).name == name]
