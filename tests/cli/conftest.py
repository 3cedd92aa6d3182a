"""The command line in this process, as a person has it: an empty folder, no servers, no variables set."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.cli.app import main

UNSET = ("LEEWAY_PROJECTS", "LEEWAY_HOME", "LEEWAY_LAKE", "PREFECT_API_URL", "MLFLOW_TRACKING_URI")
ROWS = 120


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Leeway = Callable[..., Said]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "1000")  # messages are compared whole; test_output_width.py tests the folding
    monkeypatch.setenv("LEEWAY_DEBUG", "")  # --debug sets it; this puts it back
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def leeway(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Leeway:
    assert here.is_dir()

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["leeway", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Said(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def orders() -> pd.DataFrame:
    """Four orders a day over 30 days, 2026-01-01 to 2026-01-30."""
    number = np.arange(ROWS)
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(number // 4, unit="D")
    return pd.DataFrame({
        "order_id": number + 1,
        "date": days.strftime("%Y-%m-%d"),
        "size": (number * 37 % 101) / 2,
        "kind": np.where(number % 3 == 0, "flat", "house"),
        "paid": np.where(number * 7 % 5 < 2, "Y", "N"),
        "price": 100 + number * 53 % 97,
    })  # fmt: skip
