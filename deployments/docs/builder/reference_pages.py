"""The pages of the reference that are generated: the keys of a spec, the commands, and the Python interface."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.cli import get_docs_for_click

from flows.cli.app import app
from tasks.spec.docs.key_reference import BEGIN

SPEC_PAGE = "reference/spec.md"
KEYS = "# Every key"
ROOMS = (
    "spec",
    "records",
    "profiles",
    "drift",
    "statistics",
    "decide",
    "evaluate",
    "rollout",
    "people",
)
"""The packages of `tasks` with pure functions that a notebook can call."""

_PYTHON = """\
# Python

An application calls the prediction service with a client of one file, which it may copy. What a night computes are pure
functions, which a notebook can call with data of its own: every package of `tasks` exports its interface.

## The client of the prediction service

```{eval-rst}
.. automodule:: flows.serving.leeway_client
   :members:
   :exclude-members: random
```
"""


def split_spec(readme: str) -> tuple[str, str]:
    r"""Return the README of the projects without the reference of all keys, and that reference as a page.

    >>> split_spec(f"# Projects\n\n{KEYS}\n\n{BEGIN}\n\n### The whole file\n")
    ('# Projects\n', '# Every key\n\n## The whole file\n')
    """
    introduction, _, keys = readme.partition(KEYS)
    reference = keys.replace(BEGIN, "").strip().replace("\n### ", "\n## ").removeprefix("#")
    return f"{introduction.rstrip()}\n", f"{KEYS}\n\n{reference}\n"


def commands_page() -> str:
    """Return what every command and option of `leeway` means, as its help does."""
    command = typer.main.get_command(app)
    _say_whole(command)
    return get_docs_for_click(obj=command, ctx=typer.Context(command), name="leeway", title="Commands")


def _say_whole(group: Any) -> None:
    """Let the list of the commands of a group have whole sentences: the default ends after 45 characters."""
    for command in getattr(group, "commands", {}).values():
        command.short_help = " ".join((command.help or "").partition("\n\n")[0].split())
        _say_whole(command)


def python_page() -> str:
    """Return the page on which Sphinx shows the docstrings of the Python interface."""
    return _PYTHON + "".join(map(_room, ROOMS))


def _room(name: str) -> str:
    """Return the section of a package of `tasks`, with the functions and classes that are its own."""
    package = f"tasks.{name}"
    room = import_module(package)
    exported = [each for each in room.__all__ if getattr(getattr(room, each), "__module__", "").startswith(package)]
    shown = f"   :members: {', '.join(exported)}\n   :imported-members:"
    return f"\n## `{package}`\n\n```{{eval-rst}}\n.. automodule:: {package}\n{shown}\n```\n"
