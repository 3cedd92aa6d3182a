"""The code of a project that answers requests: the source of its function for one row, and a digest of its modules."""

from __future__ import annotations

import ast
from pathlib import Path

from tasks.errors import DataError
from tasks.row_contract.compiled_contract import ServedFunction
from tasks.spec.project_spec import ProjectSpec
from tasks.user_code.on_request.code_digest import code_digest
from tasks.user_code.user_modules import module_file

COMPUTING = "bisect collections dataclasses datetime decimal enum fractions functools hashlib itertools math"
TEXTS = "operator re statistics string typing unicodedata zoneinfo"
ALLOWED = frozenset(["__future__", *COMPUTING.split(), *TEXTS.split()])
"""What the module of a function for one row may import: it comes alone, and a worker has no others of a project."""


def served_function(spec: ProjectSpec, folder: Path) -> ServedFunction | None:
    """Return how requests get the columns that the project's function makes; None without one.

    Raises
    ------
    DataError
        The module of the function for one row does not exist, or imports what it may not.
    """
    if spec.row_function is None:
        return None
    made, online = spec.made_later, spec.features.online_function
    return ServedFunction(
        path=online or spec.row_function,
        source="" if online is None else _source(online, folder),
        folder=str(folder.resolve()),
        digest=code_digest(spec.row_function, folder),
        numbers=tuple(made.numbers),
        booleans=tuple(made.booleans),
        categories=tuple(made.categories),
        dates=tuple(made.dates),
        refuses=not spec.features.tables,
    )


def _source(path: str, folder: Path) -> str:
    module, name = path.split(":")
    file = module_file(module, folder)
    if file is None or not file.is_relative_to(folder):
        raise DataError(f"features.online_function is {path!r}, but there is no module {module!r} next to project.yaml")
    source = file.read_text(encoding="utf-8")
    try:
        fault = source_fault(source, name)
    except SyntaxError as error:
        fault = f"cannot be read as Python: {error}"
    if fault is not None:
        raise DataError(f"{file.name} of features.online_function {fault}")
    return source


def source_fault(source: str, name: str) -> str | None:
    r"""Return why a module cannot be run in a worker; None if it can.

    Examples
    --------
    >>> source_fault("import math\ndef add(row): return {}", "add")
    >>> source_fault("import pandas\ndef add(row): return {}", "add")
    'imports pandas; expected modules of the standard library for computing, such as math and datetime'
    >>> source_fault("x = 1", "add")
    "does not define the function 'add' at its top level"
    """
    tree = ast.parse(source)
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or "").partition(".")[0])
    if others := sorted(imported - ALLOWED):
        found = ", ".join(others)
        return f"imports {found}; expected modules of the standard library for computing, such as math and datetime"
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return None if name in defined else f"does not define the function {name!r} at its top level"
