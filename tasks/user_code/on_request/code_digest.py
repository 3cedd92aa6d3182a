"""A digest of the code of a project: what a function of it may be made of."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tasks.user_code.user_modules import module_file


def code_digest(path: str, folder: Path) -> str:
    """Return a digest of the modules in a folder, and of the module of a function if it is elsewhere.

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
    files = {str(file.relative_to(folder)): file for file in sorted(folder.rglob("*.py"))}
    module = module_file(path.partition(":")[0], folder)
    if module is not None and not module.resolve().is_relative_to(folder):
        files[f"/{path}"] = module
    digest = hashlib.sha256()
    for name, file in files.items():
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
