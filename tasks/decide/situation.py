"""Everything a decision may rest on, gathered before it is made, so that the same night can be decided again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tasks.records import DriftKind, Estimated, Moved, Performance


@dataclass(frozen=True, slots=True)
class Suspected:
    """A way in which the newest rows seem to be broken: the kind in a word, where, and what was seen."""

    kind: str
    columns: tuple[str, ...]
    evidence: str

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> Suspected("null_burst", ("area",), "40 % of the rows are empty, .1 % before").sentence
        'null burst in area (40 % of the rows are empty, .1 % before)'
        """
        where = f" in {', '.join(self.columns)}" if self.columns else ""
        return f"{self.kind.replace('_', ' ')}{where} ({self.evidence})"


@dataclass(frozen=True, slots=True)
class Situation:
    """One night, as the decision sees it.

    `moved` is worst first, inputs and predictions; `suspicions` is what looks broken rather than moved and is
    not set aside; `surprises` is the same as `moved` for what labels say of the champion's answers; `kind`
    what all of it together looks like; `estimated` the loss to be expected without labels. `importances` gives each
    feature's share of the champion's skill (they sum to 1 or less).
    `under_way` is the night of a retraining that was decided on lately and has come to nothing yet. `fresh_rows` counts
    labelled rows newer than what the champion learned from.
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
    suspicions: tuple[Suspected, ...] = ()
    surprises: tuple[Moved, ...] = ()
    kind: DriftKind = "none"
    estimated: Estimated | None = None
    importances: tuple[tuple[str, float], ...] = ()
    performance: Performance | None = None
    waiting: int | None = None
    last_retraining: date | None = None
    last_refused: date | None = None
    under_way: date | None = None
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
