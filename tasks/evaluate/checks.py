"""Checks: each thing the gate asks, what it found, what it expected, and whether that held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.evaluate.comparison_set import Scored
from tasks.evaluate.loss_comparison import Comparison
from tasks.evaluate.slice_checks import SliceResult
from tasks.spec.project_spec import Gate, ProjectSpec


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the gate, answered in a sentence."""

    held: bool
    sentence: str


def enough_rows(scored: Scored, policy: Gate) -> Check:
    """Tell whether there are enough fair rows to judge by."""
    why = "a model had learned from their days, or their labels are not mature"
    left_out = f" ({scored.left_out} left out: {why})" if scored.left_out else ""
    sentence = f"found {len(scored.rows)} labelled rows newer than both models{left_out}; expected {policy.min_rows}"
    return Check(len(scored.rows) >= policy.min_rows, sentence)


def enough_labels(labelled: float, policy: Gate) -> Check:
    """Tell whether the labels of the hold-out's days have come, for enough of the rows."""
    sentence = f"found labels for {labelled:.0%} of the hold-out's rows; expected {policy.min_labelled:.0%}"
    return Check(labelled >= policy.min_labelled, sentence)


def wins(main: Comparison, rival: str, confidence: float, uses: int) -> Check:
    """Tell whether the challenger is clearly better than its rival."""
    times = "once" if uses == 1 else f"{uses} times"
    before = f", these rows decided {times} before" if uses else ""
    interval = f"{100 * confidence:.4g}% interval {main.low:+.4g} to {main.high:+.4g}{before}"
    sentence = (
        f"found {main.difference:+.4g} of loss against the {rival} ({interval}); "
        f"expected all of it below {0 - main.needed:.4g}"
    )
    return Check(main.outcome == "clear_win", sentence)


def beats_the_trivial_rule(trivial: Comparison, spec: ProjectSpec) -> Check:
    """Tell whether the challenger is clearly better than the trivial rule."""
    rule = spec.scope.baseline
    named = f"the constant {rule}" if rule in {"mean", "median", "majority", "last_value"} else f"the rule {rule!r}"
    sentence = (
        f"found {trivial.difference:+.4g} of loss against {named} ({trivial.low:+.4g} to "
        f"{trivial.high:+.4g}); expected all of it below 0"
    )
    return Check(trivial.high < 0, sentence)


def no_slice_worse(slices: Sequence[SliceResult], policy: Gate) -> Check:
    """Tell whether every named slice was spared."""
    limit = f"more than {policy.max_slice_loss:.0%} worse, beyond chance"
    refused = [f"{part.column} = {part.value} {part.change:+.1%}" for part in slices if part.refused]
    if refused:
        return Check(held=False, sentence=f"found slices {'; '.join(refused)}; expected none {limit}")
    return Check(held=True, sentence=f"found no slice of {len(slices)} {limit}")


def at_most(what: str, found: float, limit: float, unit: str) -> Check:
    """Tell whether a number is within its limit; NaN never is.

    Examples
    --------
    >>> at_most("size", 3.0, 2.0, " MB")
    Check(held=False, sentence='found size 3 MB; expected at most 2 MB')
    >>> at_most("size", float("nan"), 2.0, " MB").held
    False
    """
    return Check(found <= limit, f"found {what} {found:.3g}{unit}; expected at most {limit:g}{unit}")
