"""The deliveries of a worked project as its nights have taken them in, and the scripts that make them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.backtest.history import History
    from tasks.lake import Lake
    from tasks.records import NightEntry
    from tasks.spec import ProjectSpec

DEPLOYMENTS = Path(__file__).parents[1] / "deployments"


def landed_history(
    spec: ProjectSpec, folder: Path, lake: Lake, last: date, upstream: Mapping[str, Sequence[NightEntry]] | None = None
) -> History:
    """Take in what landed in a project up to a night, and return its history, with features.

    Parameters
    ----------
    folder : Path
        The project's.
    upstream : mapping of str to sequence of NightEntry, optional
        The nights of the projects upstream.
    """
    from flows.backtest.history import history_in
    from tasks.dataset.feature_assembly import assembled_features
    from tasks.ingest.task import take_in
    from tasks.monitor.table_checks.task import values_check
    from tasks.validate.acceptance.task import store
    from tasks.validate.task import verdicts

    checked = verdicts([*take_in(lake, spec, folder, last)], spec, folder, broken_values=values_check(lake, spec, last))
    store(lake, spec, checked, last, datetime.combine(last, time(4), UTC))
    history = history_in(lake, spec)
    above = {name: tuple(nights) for name, nights in (upstream or {}).items()}
    return replace(history, rows=assembled_features(history.rows, spec, lake, folder), upstream=above)


def project_script(folder: Path, name: str = "make_landing") -> ModuleType:
    """Return a script of a worked project as a module."""
    found = importlib.util.spec_from_file_location(f"{folder.name}_{name}".replace("-", "_"), folder / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
