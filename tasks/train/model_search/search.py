"""Recipe search with optuna, in rounds of a fixed size; trials are evaluated fold by fold and pruned.

Equal rows and seeds give equal trials for any number of workers: a whole round is suggested at once, the sampler of
each round is seeded by its number, and pruning is decided here, in the order of the trials.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from time import perf_counter
from typing import Any

import numpy as np

from tasks.errors import Error
from tasks.train.assessment.forward_validation import FoldResult, fold_ends, score_fold, weighted_loss
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.recipes import Recipe
from tasks.train.model_search.search_options import ParallelMap, SearchOptions, Status, TrialResult
from tasks.train.model_search.search_space import SearchSpace, search_space

ROUND = 4  # trials suggested at once, for any number of workers
STARTING = 8  # trials suggested at random before the sampler learns from them
FOLDS, SECONDS, REASON = "folds", "seconds", "reason"


@dataclass(slots=True)
class _Trial:
    """A running trial."""

    asked: Any
    recipe: Recipe
    folds: list[FoldResult] = field(default_factory=list)
    seconds: float = 0.0
    status: Status = "complete"
    reason: str = ""

    def result(self) -> TrialResult:
        ordered = tuple(sorted(self.folds, key=lambda result: result.start))
        loss = weighted_loss(ordered)
        return TrialResult(self.asked.number, self.recipe, self.status, loss, ordered, self.seconds, self.reason)


@dataclass(frozen=True)
class FoldAttempt:
    """One recipe on one fold, with its rows: a work item for one worker."""

    cache: FitCache
    recipe: Recipe
    end: int

    def tried(self) -> tuple[FoldResult | None, float, str]:
        """Return the result of the fold, the seconds it took, and the reason of a failure."""
        start = perf_counter()
        try:
            result, reason = score_fold(FitCache(self.cache.rows, self.cache.spec), self.recipe, self.end), ""
        except (Error, ValueError, TypeError, ArithmeticError) as error:
            result, reason = None, str(error)
        return result, perf_counter() - start, reason


def search_recipes(
    cache: FitCache, as_of: date, search: SearchOptions, seconds: float, spread: ParallelMap
) -> list[TrialResult]:
    """Search recipes, and return the trials in their order.

    `training.trials` recipes are tried, unless time is up: a round is begun only when the one before would still have
    fitted. Folds are tried from the newest, which weighs most, to the oldest; after each, a trial that is worse than
    the median of those before it is given up. Trials that the storage remembers are not tried again, and count.

    Parameters
    ----------
    seconds : float
        Time allowed.
    """
    spec, start = cache.spec, search.stopwatch()
    if not spec.training.trials or seconds <= 0:
        return []
    space = _space(cache, search.kind)
    bench = FoldRunner(FitCache(cache.rows, spec), fold_ends(cache, as_of)[::-1], spread)
    with _study(search, space) as study:
        results = _stored_trials(study, space)
        longest = 0.0
        while len(results) < spec.training.trials:
            began = search.stopwatch()
            if began - start + longest > seconds:
                break
            wanted = min(ROUND, spec.training.trials - len(results))
            done = _round(study, space, bench, wanted, len(results))
            for result in done:
                search.on_trial(result)
            results += done
            longest = max(longest, search.stopwatch() - began)
    return results


@dataclass(frozen=True)
class FoldRunner:
    """Runs the folds of trials: the rows, the last days of the folds, newest first, and the workers."""

    cache: FitCache
    ends: list[int]
    spread: ParallelMap


def _round(study: Any, where: SearchSpace, bench: FoldRunner, count: int, done: int) -> list[TrialResult]:
    from optuna.samplers import TPESampler

    seed = where.spec.training.seed + done
    study.sampler = TPESampler(seed=seed, n_startup_trials=STARTING, constant_liar=True)
    asked = [study.ask() for _ in range(count)]
    trials = [_Trial(trial, where.recipe(trial)) for trial in asked]
    for step, end in enumerate(bench.ends):
        alive = [trial for trial in trials if trial.status == "complete"]
        attempts = [FoldAttempt(bench.cache, trial.recipe, end) for trial in alive]
        for trial, (result, seconds, reason) in zip(alive, bench.spread(FoldAttempt.tried, attempts), strict=True):
            trial.seconds += seconds
            if reason:
                trial.status, trial.reason = "failed", reason
            if result is None:
                continue
            trial.folds.append(result)
            _report(trial, step, last=step == len(bench.ends) - 1)
    for trial in trials:
        _finish_trial(study, trial)
    return [trial.result() for trial in trials]


def _report(trial: _Trial, step: int, *, last: bool) -> None:
    """Report the loss of a trial so far, and prune it when it is not promising."""
    loss = weighted_loss(trial.folds)
    if math.isnan(loss):
        trial.status, trial.reason = "failed", "found a loss that is not a number"
        return
    trial.asked.report(loss, step)
    if not last and trial.asked.should_prune():
        trial.status = "pruned"


def _finish_trial(study: Any, trial: _Trial) -> None:
    from optuna.trial import TrialState

    if trial.status == "complete" and not trial.folds:
        trial.status, trial.reason = "failed", "found no fold with enough rows to learn from and to score"
    result = trial.result()
    trial.asked.set_user_attr(FOLDS, [_fold_values(fold) for fold in result.folds])
    trial.asked.set_user_attr(SECONDS, trial.seconds)
    trial.asked.set_user_attr(REASON, trial.reason)
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    study.tell(trial.asked, result.loss if trial.status == "complete" else None, state=states[trial.status])


def _stored_trials(study: Any, where: SearchSpace) -> list[TrialResult]:
    """Return the trials of an earlier run of the study; unfinished ones are closed and ignored."""
    from optuna.trial import FixedTrial, TrialState

    names: dict[Any, Status] = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    results = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state in names and FOLDS in trial.user_attrs:
            recipe = where.recipe(FixedTrial(trial.params))
            folds = tuple(_restored(recipe, stored) for stored in trial.user_attrs[FOLDS])
            details = (trial.user_attrs[SECONDS], trial.user_attrs[REASON])
            results.append(TrialResult(trial.number, recipe, names[trial.state], weighted_loss(folds), folds, *details))
    return results


@contextmanager
def _study(search: SearchOptions, where: SearchSpace) -> Iterator[Any]:
    """Yield the study, and close its storage afterwards.

    Its name has a digest of the space, because trials of another spec or another kind of drift do not apply.
    """
    import optuna
    from optuna.pruners import MedianPruner

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _storage(search.storage)
    digest = sha256(repr((where.spec, where.histories, where.extras, where.longest_days)).encode()).hexdigest()[:12]
    try:
        yield optuna.create_study(
            storage=storage,
            study_name=f"{search.study} {digest}",
            pruner=MedianPruner(n_startup_trials=ROUND),
            direction="minimize",
            load_if_exists=True,
        )
    finally:
        if hasattr(storage, "engine"):
            storage.remove_session()
            storage.engine.dispose()


def _storage(where: str | None) -> Any:
    if where is None:
        return None
    if "://" in where:
        from optuna.storages import RDBStorage

        return RDBStorage(where)
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(where))


def _space(cache: FitCache, kind: str) -> SearchSpace:
    rows, task = cache.rows, cache.spec.training.task
    rarest = 1.0 if task == "regression" else np.unique(rows.truth, return_counts=True)[1].min() / len(rows)
    return search_space(cache.spec, kind, int(rows.days.max()) + 1, float(rarest))


def _fold_values(result: FoldResult) -> dict[str, Any]:
    return {
        "start": result.start.isoformat(),
        "end": result.end.isoformat(),
        "rows_fitted": result.rows_fitted,
        "rows_scored": result.rows_scored,
        "loss": result.loss,
        "bias": result.bias,
    }


def _restored(recipe: Recipe, content: dict[str, Any]) -> FoldResult:
    dates = {name: date.fromisoformat(content[name]) for name in ("start", "end")}
    return FoldResult(recipe, **{**content, **dates})
