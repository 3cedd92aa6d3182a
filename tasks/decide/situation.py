"""Everything a decision may rest on, gathered before it is made, so that the same night can be decided again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tasks.records import Moved, Performance

# A population does not move ten times its leeway in one window in one or two columns only; a source that broke does.
SHOCK_STRAIN = 10.0
ONE_SOURCE_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Situation:
    """One night, as the decision sees it.

    `moved` is worst first. `importances` gives each feature's share of the champion's skill (they sum to 1 or less).
    `fresh_rows` counts labelled rows newer than what the champion learned from.
    """

    project: str
    night: date
    champion: int | None = None
    champion_age_days: int | None = None
    window_rows: int = 0
    window_days: int = 0
    quarantined: tuple[str, ...] = ()
    refused_rows: int = 0
    moved: tuple[Moved, ...] = ()
    importances: tuple[tuple[str, float], ...] = ()
    performance: Performance | None = None
    waiting: int | None = None
    last_retraining: date | None = None
    last_refused: date | None = None
    retrainings_in_30_days: int = 0
    fresh_rows: int = 0
    rows_in_30_days: int = 0

    @property
    def alarms(self) -> tuple[Moved, ...]:
        """What is past its leeway."""
        return tuple(moved for moved in self.moved if moved.strain > 1)

    @property
    def weight_moved(self) -> float:
        """Share of the champion's skill that rests on columns past their leeway, 0 to 1."""
        weights = dict(self.importances)
        return min(1.0, sum(weights.get(column, 0.0) for column in {moved.column for moved in self.alarms}))


def corrupt_suspects(alarms: tuple[Moved, ...]) -> tuple[str, ...]:
    """Name the columns that look broken rather than drifted: a leap of one or two columns while the others stand still.

    Examples
    --------
    >>> leap = Moved("area", "wasserstein", distance=50.0, leeway=0.1)
    >>> corrupt_suspects((leap,))
    ('area',)
    >>> corrupt_suspects((leap, Moved("rooms", "wasserstein", 2.0, 0.1), Moved("age", "wasserstein", 2.0, 0.1)))
    ()
    """
    leapt = sorted({moved.column for moved in alarms if moved.strain > SHOCK_STRAIN})
    return tuple(leapt) if len(leapt) <= ONE_SOURCE_COLUMNS else ()
