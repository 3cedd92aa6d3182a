"""What a night is decided from, wherever it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

import pandas as pd

from tasks.lake import Deliveries
from tasks.records import Entry
from tasks.spec import ProjectSpec


class NightSource(Protocol):
    """What is known of a project on a night: `NightData` reads it from the lake, a backtest keeps it in memory."""

    @property
    def spec(self) -> ProjectSpec:
        """The project's spec."""

    @property
    def night(self) -> date:
        """The night."""

    @property
    def deliveries(self) -> Deliveries:
        """Every delivery of the project, as it was known that night."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The decision record so far, oldest first."""

    @property
    def aliases(self) -> Mapping[str, int]:
        """The version that each alias of the registry points to."""

    def predictions_of(self, version: int, *, after: date) -> pd.DataFrame:
        """Return what a version predicted for rows of event dates after a day, up to the night, by row id."""

    def matured(self, predictions: pd.DataFrame, *, labels_after: date) -> pd.DataFrame:
        """Join predictions with the newest labels; only rows with labels that have matured by the night."""
