"""Loading a project's own module, so that two projects may each have a `features.py` of their own.

A module beside project.yaml is loaded from its file under a name made of the folder and the module's content; nothing
of it is found under its short name by others. What the module itself imports from beside it, at its top, is loaded
along with it. Any other module is imported as usual. Another process gets the path and the folder, not the function.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

PREFIX = "leeway_project_"
_ONE_AT_A_TIME = threading.RLock()  # sys.path and sys.modules belong to the process
_LOADED: dict[str, ModuleType] = {}


def module_of(name: str, folder: Path) -> ModuleType:
    """Return a module by its dotted name, from the folder if it is there; loaded again when its file has changed.

    Raises
    ------
    ImportError
        When there is no such module.
    """
    place = folder.resolve()
    file = _file(name, place)
    if file is None:
        return import_module(name)
    own_name = f"{PREFIX}{_digest(place, file)}"
    with _ONE_AT_A_TIME:
        if own_name not in _LOADED:
            _LOADED[own_name] = _load(name, place, own_name)
        return _LOADED[own_name]


def _load(name: str, place: Path, own_name: str) -> ModuleType:
    with _beside(place, name.partition(".")[0]):
        module = import_module(name)
    # Under its own name it can be found again, by pickle for one, as long as this process lives.
    module.__name__ = own_name
    sys.modules[module.__name__] = module
    for each in vars(module).values():
        if getattr(each, "__module__", None) == name:
            each.__module__ = module.__name__
    return module


@contextmanager
def _beside(place: Path, wanted: str) -> Iterator[None]:
    """Let modules of a folder be imported by their short names, and forget these names afterwards."""
    hidden = {name: module for name, module in sys.modules.items() if _could_be(name.partition(".")[0], place, wanted)}
    for name in hidden:
        del sys.modules[name]
    sys.path.insert(0, str(place))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(place))
        for name, module in list(sys.modules.items()):
            if _lies_in(module, place) and not name.startswith(PREFIX):
                del sys.modules[name]
        sys.modules.update(hidden)


def _could_be(name: str, place: Path, wanted: str) -> bool:
    """Tell whether a name that is imported already is also one of a module in the folder."""
    return name == wanted or _file(name, place) is not None


def _lies_in(module: ModuleType, place: Path) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file is not None else list(getattr(module, "__path__", ()))
    return any(Path(each).is_relative_to(place) for each in places)


def _file(name: str, place: Path) -> Path | None:
    path = place.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _digest(place: Path, file: Path) -> str:
    return hashlib.sha256(str(place).encode() + b"\0" + file.read_bytes()).hexdigest()[:16]
