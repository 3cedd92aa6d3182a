"""Options of a search, and the results of its trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tasks.train.assessment.forward_validation import FoldResult
from tasks.train.model_search.recipes import Recipe

LeaderboardLine = dict[str, Any]
ParallelMap = Callable[..., Iterable[Any]]
Status = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of one recipe of the search.

    Attributes
    ----------
    number : int
        Number of the trial, from 0.
    status : {"complete", "pruned", "failed"}
        "pruned" after folds with a high loss; "failed" with a `reason`.
    loss : float
        Weighted mean over the scored folds; NaN without any.
    folds : tuple of FoldResult
        Oldest first.
    seconds : float
        Time of fits and scores, on all workers.
    """

    number: int
    recipe: Recipe
    status: Status
    loss: float
    folds: tuple[FoldResult, ...]
    seconds: float
    reason: str = ""


def _ignored(_event: Any) -> None:
    """Ignore an event."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Options of a training in addition to rows and spec.

    Attributes
    ----------
    kind : str
        The kind of drift in the decision of the night (`tasks.records.DriftKind`), which narrows the search. Any other
        value, such as "by hand", searches the whole space.
    storage : str or None
        Storage of trials: a database address (`sqlite:///...`), or the path of a journal file. With the same storage
        and study an interrupted search is resumed. None stores nothing.
    study : str
        Name of the search in that storage; one for each retraining.
    on_trial : callable
        Called with each finished trial of the search, in their order.
    progress : callable
        Called with each line of the leaderboard when its fixed recipe has been evaluated.
    stopwatch : callable
        Returns seconds since any start.
    """

    kind: str = "none"
    storage: str | None = None
    study: str = "search"
    on_trial: Callable[[TrialResult], None] = _ignored
    progress: Callable[[LeaderboardLine], None] = _ignored
    stopwatch: Callable[[], float] = time.monotonic
