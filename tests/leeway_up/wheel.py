"""Leeway as pip installs it: a wheel in an environment of its own, in a repository with packages of our names."""

from __future__ import annotations

import ensurepip
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ("flows", "tasks")
BUILD_SECONDS = 120


def installed(folder: Path) -> None:
    """Build the wheel and install it into `.venv` of a folder; the packages that it needs are those of this process."""
    built, environment = folder / "built", folder / ".venv"
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)])
    _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    (wheel,) = built.glob("leeway-*.whl")
    _run([str(environment / "bin" / "python"), _pip(), "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    # Not read from there: the path file by which the tests' own environment finds the checkout.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))


def _pip() -> str:
    """Return the pip that `venv` copies into an environment; run from its wheel, it need not be copied first."""
    folder = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).parent / "_bundled"
    return str(min(Path(folder).glob("pip-*.whl")) / "pip")


def foreign_packages(folder: Path) -> None:
    """Make a git repository of a folder, with packages of our names that end a process that imports them."""
    _run(["git", "init", "--quiet", str(folder)])
    for name in NAMES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('the {name} of another repository')\n")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
