"""Whether a smaller form of a model loses no more than a margin, by the rules of the gate, and what it changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.evaluate.change_promise import change_promise
from tasks.evaluate.checks import enough_rows, no_slice_worse
from tasks.evaluate.comparison_set import ComparisonSet, ScoredRows, score_rows
from tasks.evaluate.loss_comparison import Comparison, compare
from tasks.evaluate.slice_checks import slice_results, slices_of
from tasks.model.version_change import version_change
from tasks.rollout import ChangePromise
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import weighted_values


@dataclass(frozen=True)
class SliceChange:
    """The share of answers of a slice that a form changes."""

    column: str
    value: str
    rows: int
    changed: float


@dataclass(frozen=True)
class NonInferiority:
    """A smaller form against its model, on rows that neither has learned from.

    Attributes
    ----------
    comparison : Comparison
        The paired comparison of losses: the form is the challenger.
    change : ChangePromise or None
        How many answers differ, and how far.
    slices : tuple of SliceChange
        Changed answers in each slice of `gate.slices`.
    faults : tuple of str
        Why it is not good enough; empty if it is.
    """

    comparison: Comparison
    change: ChangePromise | None
    slices: tuple[SliceChange, ...]
    faults: tuple[str, ...]

    @property
    def increase(self) -> float:
        """The mean increase of the loss, as a share of the model's loss."""
        return _share(self.comparison.difference, self.comparison.other_loss)

    @property
    def increase_high(self) -> float:
        """The upper bound of the increase, as a share of the model's loss; not a number where it is not known."""
        return _share(self.comparison.high, self.comparison.other_loss)


def non_inferiority(compared: ComparisonSet, spec: ProjectSpec, max_loss: float) -> NonInferiority:
    """Return whether a form loses no more than a margin against its model.

    Parameters
    ----------
    compared : ComparisonSet
        The form as the challenger, and its model as the champion; `candidates` forms share the error rate.
    max_loss : float
        The margin, as a share of the model's loss: the whole interval must be below it.
    """
    scored, policy = score_rows(compared, spec), spec.gate
    pair = (scored.losses["challenger"], scored.losses["champion"])
    confidence = 1 - (1 - policy.confidence) / compared.candidates
    form, model = (weighted_values(losses, scored.weights) for losses in pair)
    main = compare(form, model, scored.days, min_gain=0.0, confidence=confidence, groups=scored.groups)
    high = _share(main.high, main.other_loss)
    checks = [
        enough_rows(scored, policy),
        no_slice_worse(slice_results(scored.rows, pair, (scored.days, scored.weights), spec), policy),
    ]
    faults = [check.sentence for check in checks if not check.held]
    if not high <= max_loss:
        found = f"{high:+.2%}" if math.isfinite(high) else "an unknown part"
        faults.insert(0, f"its loss may be larger by {found}; expected at most {max_loss:.2%}")
    change = change_promise(compared, scored)
    return NonInferiority(main, change, tuple(_changes(compared, scored, change, spec)), tuple(faults))


def _changes(
    compared: ComparisonSet, scored: ScoredRows, promise: ChangePromise | None, spec: ProjectSpec
) -> Iterator[SliceChange]:
    if compared.champion is None or promise is None:
        return
    versions = compared.champion, compared.challenger
    before, after = (scored.predictions[name] for name in ("champion", "challenger"))
    changed = version_change(versions, (before, after), promise.unit).changed
    for column, value, inside in slices_of(scored.rows, spec):
        yield SliceChange(column, value, int(inside.sum()), float(changed[inside].mean()))


def _share(difference: float, loss: float) -> float:
    if loss > 0:
        return difference / loss
    return 0.0 if difference == 0 else math.copysign(math.inf, difference)
