"""The first module of a process that runs foreign code: it gives up rights, then starts what answers."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from tasks.user_code.confined.confinement import confine
from tasks.user_code.confined.process_limits import ProcessLimits


def main() -> None:
    """Start; the argument has the settings that `ChildProcess` gives."""
    settings = json.loads(sys.argv[1])
    hidden, visible = (list(map(Path, settings[kind])) for kind in ("hidden", "visible"))
    confine(hidden, visible, ProcessLimits(**settings["limits"]))
    runpy.run_module(settings["main"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
