"""A digest of the code of a project: what a function of it may be made of, and what it may read next to itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tasks.user_code.user_modules import module_file

NO_CODE = ("project.yaml", "expectations.json")  # read by Leeway, not by functions


def code_files(folder: Path) -> list[Path]:
    """Return the modules in a folder, and the other files next to one, such as a table that a function reads.

    Folders without a module, such as those in which deliveries land, are left out, and so are the spec, its suite,
    notes, and hidden files.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     (Path(name) / "landing").mkdir()
    ...     for file in ("features.py", "rates.json", "project.yaml", "README.md", "landing/2026-01-05.csv"):
    ...         _ = Path(name, file).write_text("")
    ...     [file.name for file in code_files(Path(name))]
    ['features.py', 'rates.json']
    """
    modules = [file for file in folder.rglob("*.py") if file.is_file()]
    near = [file for parent in {module.parent for module in modules} for file in parent.iterdir() if file.is_file()]
    return sorted({*modules, *(file for file in near if _may_be_read(file))})


def _may_be_read(file: Path) -> bool:
    return file.name not in NO_CODE and file.suffix not in {".md", ".pyc"} and not file.name.startswith(".")


def code_digest(path: str, folder: Path) -> str:
    """Return a digest of `code_files` of a folder, and of the module of a function if it is elsewhere.

    Parameters
    ----------
    path : str
        `module:function`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     file = Path(name, "features.py")
    ...     _ = file.write_text("def add(frame): return frame")
    ...     before = code_digest("features:add", Path(name))
    ...     _ = file.write_text("def add(frame): return frame + 1")
    ...     before == code_digest("features:add", Path(name))
    False
    """
    folder = folder.resolve()
    files = {str(file.relative_to(folder)): file for file in code_files(folder)}
    module = module_file(path.partition(":")[0], folder)
    if module is not None and not module.resolve().is_relative_to(folder):
        files[f"/{path}"] = module
    digest = hashlib.sha256()
    for name, file in files.items():
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
