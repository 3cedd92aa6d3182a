"""Everything a decision may rest on, gathered before it is made, so that the same night can be decided again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks.records import DriftKind, DriftStatistic, Estimated, LocalError, Performance, Suspicion, UpstreamState


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """What the champion's first matured cohort came to, against what the gate promised of it.

    Attributes
    ----------
    verdict : {"too_early", "as_promised", "better", "worse", "unknown"}
        Of the interval of its realised error against the gate's.
    sentence : str
        The numbers in words.
    back_to : int or None
        The version that a rollback would bring back.
    """

    version: int
    verdict: str
    sentence: str
    back_to: int | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShadowOutcome:
    """How the version that waits for approval does beside the champion, in words and numbers, or why that is unknown.

    `failed` says that it could not be loaded, or could not answer.
    """

    version: int
    sentence: str
    failed: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """One night, as the decision sees it.

    `moved` is worst first, inputs and predictions; `suspicions` is what looks broken rather than moved and is
    not set aside; `surprises` is the same as `moved` for what labels say of the champion's answers; `kind`
    what all of it together looks like; `estimated` the loss to be expected without labels. `importances` gives each
    feature's share of the champion's skill (they sum to 1 or less). `worse` are errors by slice, the worst first.
    `first_step` is where in this project's data something moved first, `upstream` what it is made of, `downstream` the
    projects that are made of it.
    `under_way` is the night of a retraining that was decided on lately and has come to nothing yet. `fresh_rows` counts
    labelled rows newer than what the champion learned from. `released` is there until the champion's first cohort was
    judged, `shadowed` where a version that waits answers beside the champion.
    """

    project: str
    night: date
    champion: int | None = None
    champion_age_days: int | None = None
    window_rows: int = 0
    window_days: int = 0
    quarantined: tuple[str, ...] = ()
    refused_rows: int = 0
    moved: tuple[DriftStatistic, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    surprises: tuple[DriftStatistic, ...] = ()
    worse: tuple[LocalError, ...] = ()
    first_step: str = ""
    upstream: tuple[UpstreamState, ...] = ()
    downstream: tuple[str, ...] = ()
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
    released: ReleaseOutcome | None = None
    shadowed: ShadowOutcome | None = None

    @property
    def alarms(self) -> tuple[DriftStatistic, ...]:
        """What is past its leeway."""
        return tuple(moved for moved in self.moved if moved.strain > 1)

    @property
    def local_errors(self) -> tuple[LocalError, ...]:
        """The slices that are answered worse, each while all other rows are within their leeway."""
        return tuple(each for each in self.worse if each.strain > 1 and each.alone)

    @property
    def slices(self) -> tuple[str, ...]:
        """The slices to which a movement or a worse error is confined."""
        moved = (each.where for each in self.alarms if each.where)
        return tuple(dict.fromkeys([*(each.where for each in self.local_errors), *moved]))

    @property
    def weight_moved(self) -> float:
        """Share of the champion's skill that rests on columns past their leeway, 0 to 1."""
        weights = dict(self.importances)
        return min(1.0, sum(weights.get(column, 0.0) for column in {moved.column for moved in self.alarms}))
