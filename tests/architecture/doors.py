"""Finds the doors of the code: where a module touches the environment, the clock, files, other processes or the lake.

Everything else is arguments in and results out, so that a night, a replay and a test compute the same.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
Door = Literal["environment", "clock", "files", "lake", "network"]

_NAMES: dict[str, Door] = {
    "os.environ": "environment",
    "os.getenv": "environment",
    "getuser": "environment",
    "clock.now": "clock",
    "clock.tonight": "clock",
    "datetime.now": "clock",
    "datetime.today": "clock",
    "date.today": "clock",
    "time.time": "clock",
    "time.monotonic": "clock",
    "time.perf_counter": "clock",
    "time.sleep": "clock",
    "monotonic": "clock",
}
_FILE_METHODS = {
    *("read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "touch"),
    *("exists", "is_file", "is_dir", "iterdir", "glob", "rglob", "stat", "open_output_stream", "get_file_info"),
}
_FILE_FUNCTIONS = {"open", "os.open", "path.open"}
_FILE_MODULES = {"tempfile", "shutil"}
_NETWORK_MODULES = {"socket", "subprocess", "requests", "httpx", "urllib.request", "smtplib"}
_LAKE_TYPES = {"Lake", "NightData"}


def doors(root: Path = ROOT) -> dict[str, set[Door]]:
    """Return the doors of every module of flows/ and tasks/ that has any, by its path."""
    found: dict[str, set[Door]] = defaultdict(set)
    for path in sorted([*root.glob("flows/**/*.py"), *root.glob("tasks/**/*.py")]):
        for door in doors_of(path.read_text(encoding="utf-8")):
            found[path.relative_to(root).as_posix()].add(door)
    return dict(found)


def doors_of(code: str) -> Iterator[Door]:
    """Yield the doors of a module's code; each may come several times.

    Examples
    --------
    >>> sorted(doors_of("import os\\nfrom tasks import clock\\nprint(os.environ, clock.now())"))
    ['clock', 'environment']
    >>> sorted(doors_of("import socket\\nfrom tasks.lake import Lake\\npath.read_text()"))
    ['files', 'lake', 'network']
    >>> list(doors_of("frame.rename(columns={})"))
    []
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _of_import(node)
        elif isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in _NAMES:
            yield _NAMES[ast.unparse(node)]
        elif isinstance(node, ast.Call) and _is_file_call(node.func):
            yield "files"


def attributes(code: str) -> Iterator[str]:
    """Yield the names of the attributes that a module's code reads or writes.

    >>> list(attributes("model.score(1)"))
    ['score']
    """
    return (node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute))


def _of_import(node: ast.Import | ast.ImportFrom) -> Iterator[Door]:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    if any(module in _NETWORK_MODULES for module in modules):
        yield "network"
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        if names & _LAKE_TYPES and modules[0].startswith("tasks."):
            yield "lake"
        if modules[0] == "os" and names & {"environ", "getenv"}:
            yield "environment"


def _is_file_call(function: ast.expr) -> bool:
    name = ast.unparse(function)
    if name in _FILE_FUNCTIONS or name.partition(".")[0] in _FILE_MODULES:
        return True
    return isinstance(function, ast.Attribute) and function.attr in _FILE_METHODS
