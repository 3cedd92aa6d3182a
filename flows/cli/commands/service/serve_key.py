"""`leeway serve-key`: make, list and revoke the API keys of the prediction service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flows.cli.console import screen, table
from tasks.errors import SpecError, Terminal
from tasks.render.safe_text import terminal
from tasks.serving_store import SERVING_FOLDER, ApiKeys, new_key, read_keys, write_keys
from tasks.spec import find_project, home, projects_folder
from tasks.spec.find_project import FILE, checked_name


def serving_root() -> Path:
    """Return the serving folder of the home."""
    return home(projects_folder() / "any" / FILE) / SERVING_FOLDER


def make_key(name: str, projects: Sequence[str], *, labels: bool = False) -> None:
    """Make a key and show it once; it may ask for predictions, or send labels.

    Raises
    ------
    Terminal
        When there is a key of this name.
    """
    named = tuple(find_project(project).resolve().parent.name for project in projects)
    root = serving_root()
    keys = read_keys(root)
    if any(key.name == checked_name(name) for key in keys.keys):
        raise Terminal(
            f"there is a key {name!r}; revoke it with `leeway serve-key {name} --revoke`, or choose another name"
        )
    key, text = new_key(name, ("labels",) if labels else ("predict",), named)
    write_keys(root, ApiKeys((*keys.keys, key)))
    console = screen()
    console.print(text, soft_wrap=True)
    console.print("this is the only time that the key is shown; running workers accept it within a second")


def revoke_key(name: str) -> None:
    """Remove a key.

    Raises
    ------
    SpecError
        When there is no key of this name.
    """
    root = serving_root()
    keys = read_keys(root)
    left = tuple(key for key in keys.keys if key.name != name)
    if len(left) == len(keys.keys):
        known = ", ".join(key.name for key in keys.keys) or "none"
        raise SpecError([f"there is no key {name!r}; known: {known}"])
    write_keys(root, ApiKeys(left))
    screen().print(f"key {terminal(name)} is revoked; running workers refuse it within a second")


def list_keys() -> None:
    """Show the names of the keys, and where they may be used."""
    shown = table("key", "may", "projects")
    for key in read_keys(serving_root()).keys:
        shown.add_row(terminal(key.name), ", ".join(key.scopes), ", ".join(key.projects) or "all")
    screen().print(shown)
