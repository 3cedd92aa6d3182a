"""`leeway init --template`: a project of one's own that starts as a copy of the worked project nearest to it."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from flows.cli.console import screen
from flows.cli.init.command import write_schema
from flows.demo.worked_projects import SHOWN, WorkedProject, worked_project
from flows.stack.deployments import refresh_prefect_yaml
from tasks.errors import DataError, SpecError
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import projects_folder
from tasks.spec.find_project import FILE, checked_name

OWN_STORY = ("README.md", "pictures.png", "make_*.py", "__pycache__", ".*")
"""What belongs to the worked project's own story, and is not copied."""


def copy_template(name: str, project: str | None) -> None:
    """Create a project as a copy of a worked one: its spec with all comments, its suite, its code and its data.

    The copy appears whole or not at all.

    Parameters
    ----------
    name : str
        The worked project.
    project : str, optional
        The new project's name; the worked project's own when left out.

    Raises
    ------
    DataError
        There is no such worked project, or it reads the answers of other projects.
    SpecError
        The new project's name is none, or its folder is in use.
    """
    template = _single(name)
    folder = projects_folder() / checked_name(project or name)
    if folder.exists() and any(folder.iterdir()):
        raise SpecError([f"{folder} exists and is never overwritten; give another name with --project"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".init-") as made:
        copied = Path(made) / folder.name
        shutil.copytree(template.path.parent, copied, ignore=shutil.ignore_patterns(*OWN_STORY))
        _rename(copied / FILE, name, folder.name)
        files = sum(path.is_file() for path in copied.rglob("*"))
        copied.rename(folder)
    write_schema(folder.parent)
    refresh_prefect_yaml(folder.parent)
    console = screen()
    console.print(f"[bold]copied[/]  {counted(files, 'file')} of the worked project {name} to {terminal(str(folder))}")
    console.print(
        f"next: try it (`leeway check {folder.name}`, `leeway up`); then put your own files in the place of those that "
        f"landed, and your columns into {terminal(str(folder / FILE))}: `leeway check {folder.name}` says what does "
        "not fit yet"
    )


def _single(name: str) -> WorkedProject:
    """Return a worked project that needs no other."""
    template = worked_project(name)
    if template.upstream:
        others = ", ".join(each for each in SHOWN if not worked_project(each).upstream)
        chain = " -> ".join(each.path.parent.name for each in template.chain)
        raise DataError(f"{name} is a chain of projects ({chain}); expected a single one: {others}")
    return template


def _rename(spec: Path, name: str, project: str) -> None:
    """Give a copied spec its project's name; its first comment says where it is from instead of what it is."""
    body = re.sub(r"\A(#[^\n]*\n)+", "", spec.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^project:.*$", f"project: {project}", body, count=1)
    first = f"# Started from the worked project {name}: replace its data and its columns by yours.\n"
    spec.write_text(first + text, encoding="utf-8")
