"""How a training is conducted, and what is told of each trial on the way."""

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
    """One recipe the search tried.

    Attributes
    ----------
    number : int
        Its place in the search, from 0 on.
    status : {"complete", "pruned", "failed"}
        Pruned: after some folds it was clearly no candidate. Failed: `reason` says why.
    loss : float
        Weighted mean over the folds it was scored on; NaN when there is none.
    folds : tuple of FoldResult
        Oldest first.
    seconds : float
        Spent in fits and scores, wherever they were done.
    """

    number: int
    recipe: Recipe
    status: Status
    loss: float
    folds: tuple[FoldResult, ...]
    seconds: float
    reason: str = ""


def _ignored(_told: Any) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What a training may be given beside rows and spec.

    Attributes
    ----------
    kind : str
        The drift that the night's decision named (`tasks.records.DriftKind`); it narrows the search. Anything else,
        such as "by hand", searches everywhere.
    storage : str or None
        Where trials are remembered: a database address (`sqlite:///...`), or the path of a journal file. The same
        storage and study go on where a search was interrupted. None remembers nothing.
    study : str
        Name of the search in that storage; one for each retraining.
    on_trial : callable
        Is given each trial of the search when it has ended, in their order.
    progress : callable
        Is given each line of the leaderboard when its fixed recipe has been tried.
    stopwatch : callable
        Seconds from any start.
    """

    kind: str = "none"
    storage: str | None = None
    study: str = "search"
    on_trial: Callable[[TrialResult], None] = _ignored
    progress: Callable[[LeaderboardLine], None] = _ignored
    stopwatch: Callable[[], float] = time.monotonic
