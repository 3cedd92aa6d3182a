"""Versions: floors because of published CVEs, ceilings because the next version was seen to break."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ALLOWED = {
    "prefect": ">=3.6.22",  # published CVEs before it
    "mlflow": ">=3.13",  # published CVEs before it
    "fastapi": "<0.155",  # Prefect's server does not import with it
    "sqlalchemy": "<2.1",  # Prefect's scheduler creates no run with it, and says nothing
}


def locked() -> dict[str, str]:
    """Return every entry of the lock: the pinned requirement and its hashes, on continued lines."""
    text = "\n".join(line for line in LOCK.splitlines() if not line.lstrip().startswith("#"))
    entries = [entry.split() for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
    return {Requirement(words[0]).name.lower(): " ".join(words) for words in entries}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_what_is_installed_and_locked_is_within_its_limits(package: str) -> None:
    assert SpecifierSet(ALLOWED[package]).contains(version(package))
    pinned = re.search(r"==(\S+)", locked()[package])
    assert pinned
    assert SpecifierSet(ALLOWED[package]).contains(pinned[1])


def test_every_locked_package_has_one_version_and_a_hash() -> None:
    entries = locked()
    assert len(entries) > len(ALLOWED)
    careless = [name for name, entry in entries.items() if "==" not in entry or "--hash=sha256:" not in entry]
    assert careless == []


def test_the_lock_names_no_address() -> None:
    assert "://" not in LOCK
