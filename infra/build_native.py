"""Builds the evaluator of compact models, when Leeway is installed or its wheel is made: hatchling runs this.

Without a C compiler, or without the headers of Python, Leeway is built without it, and onnxruntime answers instead.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = Path("tasks", "compact")
LIBRARY = ROOM / "_native.abi3.so"
STABLE_SINCE = "cp311"  # the interface of Python that tasks/compact/native/module.c uses
OPTIONS = ("-std=c99", "-O3", "-Wall", "-fPIC", "-ffp-contract=off")  # a fused product and sum has other last digits
LINKED = ("-bundle", "-undefined", "dynamic_lookup") if sys.platform == "darwin" else ("-shared",)


class NativeEvaluator(BuildHookInterface[BuilderConfig]):
    """Adds the shared library to the wheel, which then is one for this kind of machine."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling calls it with both
        """Build the library, or say why it is not there."""
        root = Path(self.root)
        fault = built(root)
        if fault:
            (root / LIBRARY).unlink(missing_ok=True)
            self.app.display_warning(f"compact models are not evaluated in C, but by onnxruntime: {fault}")
            return
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(LIBRARY.as_posix())
        build_data |= {"pure_python": False, "tag": f"{STABLE_SINCE}-abi3-{machine}"}


def built(root: Path) -> str:
    """Build the library, and return why it could not be built; empty if it was.

    It replaces an older one as a whole: processes that have loaded it go on with theirs.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    sources = sorted(str(path) for path in (root / ROOM / "native").glob("*.c"))
    with TemporaryDirectory(dir=root / ROOM, prefix=".built-") as folder:
        library = Path(folder) / LIBRARY.name
        headers = f"-I{sysconfig.get_path('include')}"
        command = [*compiler, *OPTIONS, headers, *sources, *LINKED, "-o", str(library)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return str(error)
        if done.returncode:
            return next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)[-500:]
        library.replace(root / LIBRARY)
    return ""
