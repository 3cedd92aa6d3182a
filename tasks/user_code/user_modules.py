"""Loads modules of a project, so that two projects can each have their own `features.py`.

A module next to project.yaml is loaded from its file, under a name made of the folder and the content of the module.
Its short name is not visible to other code. Modules of the same folder that it imports at its top are loaded with it.
Any other module is imported as usual. Another process gets the path and the folder, not the function.
"""

from __future__ import annotations

import ast
import hashlib
import symtable
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PREFIX = "leeway_project_"
_ONE_AT_A_TIME = threading.RLock()  # sys.path and sys.modules belong to the process
_LOADED: dict[str, ModuleType] = {}


def module_of(name: str, folder: Path) -> ModuleType:
    """Return a module by its dotted name, from the folder if it has one; a changed file is loaded again.

    Raises
    ------
    ImportError
        The module does not exist.
    """
    folder = folder.resolve()
    file = _file(name, folder)
    if file is None:
        return import_module(name)
    own_name = f"{PREFIX}{_digest(folder, file)}"
    with _ONE_AT_A_TIME:
        if own_name not in _LOADED:
            _LOADED[own_name] = _load(name, folder, own_name)
        return _LOADED[own_name]


def module_file(name: str, folder: Path) -> Path | None:
    """Return the file of a module by its dotted name, from the folder if it has one; no code of a package is run.

    Examples
    --------
    >>> module_file("email.mime.text", Path()).name, module_file("email.nowhere", Path())
    ('text.py', None)
    """
    if (own := _file(name, folder)) is not None:
        return own
    top, *inner = name.split(".")
    found, dotted = find_spec(top), top
    for part in inner:
        dotted = f"{dotted}.{part}"
        places = None if found is None else found.submodule_search_locations
        found = None if places is None else PathFinder.find_spec(dotted, list(places))
    return None if found is None or found.origin is None or not found.has_location else Path(found.origin)


def declaration_fault(path: str, folder: Path) -> str | None:
    """Return why `module:name` cannot be found, from the text of the module: nothing of it is run.

    Examples
    --------
    >>> declaration_fault("nowhere:add", Path())
    "there is no module 'nowhere' next to project.yaml, and none is installed"
    """
    module, name = path.split(":")
    file = _file(module, folder)
    if file is None:
        missing = find_spec(module.partition(".")[0]) is None
        return f"there is no module {module!r} next to project.yaml, and none is installed" if missing else None
    try:
        defined = _defines(file.read_bytes(), name)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:  # the last two: nested too deeply
        return f"{file.name} cannot be read as Python: {str(error) or type(error).__name__}"
    return None if defined else f"{file.name} does not define {name!r} at its top level"


def _defines(source: bytes, name: str) -> bool:
    r"""Return whether a module binds a name at its top level, in whatever statement, or may import it with `*`.

    >>> _defines(b"if True:\n    def add(frame): return frame", "add"), _defines(b"print(add)", "add")
    (True, False)
    """
    module = symtable.symtable(source, "features", "exec")  # type: ignore[arg-type]  # bytes may declare an encoding
    for symbol in module.get_symbols():
        if symbol.get_name() in {name, "__getattr__"} and (symbol.is_assigned() or symbol.is_imported()):
            return True
    imports = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom))
    return any(alias.name == "*" for node in imports for alias in node.names)


def _load(name: str, folder: Path, own_name: str) -> ModuleType:
    with _importable(folder, name.partition(".")[0]):
        module = import_module(name)
    # Under its own name, pickle for example can import it again while this process runs.
    module.__name__ = own_name
    sys.modules[module.__name__] = module
    for member in vars(module).values():
        if getattr(member, "__module__", None) == name:
            member.__module__ = module.__name__
    return module


@contextmanager
def _importable(folder: Path, wanted: str) -> Iterator[None]:
    """Make the modules of a folder importable by their short names, within the block only.

    No bytecode is written: Python would take it for a file that was changed within the same second and kept its length.
    """
    hidden = {name: module for name, module in sys.modules.items() if _could_be(name.partition(".")[0], folder, wanted)}
    for name in hidden:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if _is_in(module, folder) and not name.startswith(PREFIX):
                del sys.modules[name]
        sys.modules.update(hidden)


def _could_be(name: str, folder: Path, wanted: str) -> bool:
    """Return whether the name of an imported module is also the name of a module in the folder."""
    return name == wanted or _file(name, folder) is not None


def _is_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    paths = [file] if file is not None else list(getattr(module, "__path__", ()))
    return any(Path(path).is_relative_to(folder) for path in paths)


def _file(name: str, folder: Path) -> Path | None:
    path = folder.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _digest(folder: Path, file: Path) -> str:
    return hashlib.sha256(str(folder).encode() + b"\0" + file.read_bytes()).hexdigest()[:16]
