"""Files outside of the packages that commands need: a checkout has them at its root, an installed wheel in its data."""

from __future__ import annotations

import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = "share/leeway"  # pyproject.toml, shared-data


def is_checkout() -> bool:
    """Return whether this code runs from a checkout (or an editable install of one), not from a wheel."""
    return (ROOT / "pyproject.toml").is_file() and (ROOT / "infra").is_dir()


def shipped_file(path: str) -> Path:
    """Return where a file of the repository is on this machine.

    Parameters
    ----------
    path : str
        The path in the repository, for example `infra/Procfile`; a wheel has those that pyproject.toml names.

    Examples
    --------
    >>> shipped_file("infra/Procfile").name
    'Procfile'
    """
    return (ROOT if is_checkout() else Path(sysconfig.get_path("data")) / DATA) / path
