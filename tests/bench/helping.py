"""How long a person waits for `leeway --help`, compared with the interpreter's own start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.console import Console

from tests.bench.figures import Figures, Time
from tests.bench.sizes import sized

TIMES = sized(5, 1)
FLOOR = "python -c pass"


def bench_help(_console: Console) -> Figures:
    leeway = [str(Path(sys.executable).parent / "leeway"), "--help"]
    figures = Figures(f"command line (median of {TIMES})")
    figures.add("leeway --help", _median(leeway), FLOOR)
    figures.add(FLOOR, _median([sys.executable, "-c", "pass"]))
    return figures


def _median(command: list[str]) -> Time:
    def once() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return Time(Time.median([Time.of(once) for _ in range(TIMES)]).seconds)  # a child's processor time is not ours
