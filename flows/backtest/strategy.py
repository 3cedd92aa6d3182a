"""A way of retraining, and what it leads to on a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pandas as pd

from tasks.records import Decision, Entry
from tasks.spec import ProjectSpec

RetrainSchedule = Literal["policy", "never", "monthly", "nightly", "recorded"]
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class RetrainingOutcome:
    """A retraining: when, why, and whether the gate let the challenger through."""

    night: date
    reason: str
    passed: bool
    version: int


@dataclass(frozen=True)
class Strategy:
    """When a model is retrained: by a spec's policy, never, once a month, or every night that has new labels."""

    name: str
    spec: ProjectSpec
    schedule: RetrainSchedule = "policy"

    def retrains(
        self, decision: Decision, night: date, trained_until: date | None, retrainings: Sequence[RetrainingOutcome]
    ) -> bool:
        """Return whether a night is followed by a retraining.

        Parameters
        ----------
        decision : Decision
            The night's.
        trained_until : date or None
            The last event date that the champion has learned from; without a champion only a policy retrains.
        retrainings : sequence of RetrainingOutcome
            Those so far, in order.
        """
        if self.schedule == "policy":
            return decision.action == "retrain"
        if self.schedule in {"never", "recorded"} or trained_until is None:
            return False
        last = retrainings[-1].night if retrainings else None
        due = self.schedule == "nightly" or last is None or (night - last).days >= MONTH_DAYS
        return due and self.spec.matured_until(night) > trained_until


@dataclass(frozen=True)
class BacktestResult:
    """What a strategy leads to.

    Parameters
    ----------
    decisions : list of Decision
        One per night.
    retrainings : list of RetrainingOutcome
        In order.
    served : DataFrame
        `row_id`, `event_date`, `prediction`, `decision` (0 or 1 by the threshold of the version, NaN without classes),
        `version` and `label`: each row once, by the champion of the night it came in, with the label that it has in the
        end. Of several classes, `prediction`, `decision` and `label` are places among the sorted names of all labels of
        the history, and `probabilities` has one for each of them.
    quarantined : dict
        What was quarantined by night: files, with the kinds of fault.
    record : tuple of Entry
        The decision record that the strategy would have left.
    """

    strategy: Strategy
    decisions: list[Decision]
    retrainings: list[RetrainingOutcome]
    served: pd.DataFrame
    quarantined: dict[date, list[str]]
    record: tuple[Entry, ...] = ()
