"""A project with rides, which are read from a table, and the nights that it has had."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows
from tasks.records import Delivery
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts


class Rides:
    """The project `rides` of a folder, and its lake.

    Parameters
    ----------
    source : mapping
        Where its rows are: the keys of `source` that the engines differ in.
    rules : sequence
        Its expectations.
    """

    def __init__(
        self, folder: Path, source: Mapping[str, Any], rules: Sequence[Mapping[str, Any]] = (), **changes: Any
    ) -> None:
        self.folder, self.lake = folder, Lake(str(folder / "lake"))
        self.night = datetime.now(UTC).date() + timedelta(days=1)
        self.content: dict[str, Any] = {
            "project": "rides",
            "scope": {"owner": "o", "objective": "fares", "metric": "mean_absolute_error"},
            "source": {"id": ["id"], "event_time": "at", "label": {"column": "fare"}, **source},
            "features": {"numbers": ["km"], "categories": ["zone"]},
            **changes,
        }
        suite = {"name": "rides", "expectations": [*rules], "meta": {}}
        (folder / "expectations.json").write_text(json.dumps(suite), encoding="utf-8")

    @property
    def spec(self) -> ProjectSpec:
        return ProjectSpec.model_validate(self.content)

    def database(self, **changes: Any) -> None:
        """Change the `database` block of the rows; None leaves a key out."""
        block = {**self.content["source"]["database"], **changes}
        known = {key: value for key, value in block.items() if value is not None}
        self.content["source"] = {**self.content["source"], "database": known}

    def read(self) -> list[Delivery]:
        """Take in what is new without storing it: the night is killed."""
        found = take_in(self.lake, self.spec, self.folder, self.night, datetime.now(UTC))
        deliveries = [one for one in found if isinstance(one, Delivery)]
        assert len(deliveries) == len(found)
        return deliveries

    def live(self) -> list[int]:
        """Live a night; return the sizes of its deliveries."""
        landed = self.read()
        store(self.lake, self.spec, verdicts(landed, self.spec, self.folder), self.night, datetime.now(UTC))
        return [len(one.frame) for one in landed]

    def rows(self) -> pd.DataFrame:
        return active_rows(self.lake, "rides", "rows")
