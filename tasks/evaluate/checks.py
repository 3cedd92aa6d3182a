"""The checks of the gate: what was found, what was expected, and whether the check passed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.evaluate.comparison_set import ScoredRows
from tasks.evaluate.loss_comparison import Comparison
from tasks.evaluate.slice_checks import SliceResult
from tasks.render.values import counted
from tasks.spec.project_spec import Gate, ProjectSpec

PASSED = "passed: "
NO_INTERVAL = "no interval, which takes three days of rows with a finite loss"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check, as a sentence; `warns` where it held because too little is known to refuse."""

    held: bool
    sentence: str
    warns: bool = False

    @property
    def said(self) -> str:
        """The sentence, which says first where the check passed.

        >>> Check(held=True, sentence="found 2 rows; expected 1").said
        'passed: found 2 rows; expected 1'
        >>> Check(held=True, sentence="found nothing to test", warns=True).said
        'passed: warning: found nothing to test'
        """
        sentence = f"warning: {self.sentence}" if self.warns else self.sentence
        return f"{PASSED}{sentence}" if self.held else sentence

    @property
    def rank(self) -> int:
        """Where it is listed: failed checks first, then warnings, then those that passed."""
        return int(self.held) + int(self.held and not self.warns)


def enough_rows(scored: ScoredRows, policy: Gate) -> Check:
    """Check that there are enough rows that are new to both models."""
    why = "a model was trained on their days, or their labels are not mature"
    left_out = f" ({scored.left_out} left out: {why})" if scored.left_out else ""
    alike = "" if scored.weights is None else f", as certain as {scored.effective_rows:.0f} of equal weight,"
    found = f"found {len(scored.rows)} labelled rows newer than both models{alike}{left_out}"
    return Check(scored.effective_rows >= policy.min_rows, f"{found}; expected {policy.min_rows}")


def enough_labels(labelled: float, policy: Gate) -> Check:
    """Check that enough rows of the hold-out have their label."""
    sentence = f"found labels for {labelled:.0%} of the hold-out's rows; expected {policy.min_labelled:.0%}"
    return Check(labelled >= policy.min_labelled, sentence)


def wins(main: Comparison, rival: str, confidence: float, uses: int) -> Check:
    """Check that the challenger is clearly better than its rival."""
    earlier = f", {counted(uses, 'earlier decision')} on these rows" if uses else ""
    needed = main.needed if math.isfinite(main.needed) else 0.0
    sentence = (
        f"found {_difference(main, f'the {rival}', f'{100 * confidence:.4g}% interval ', earlier)}; "
        f"expected the whole interval below {0 - needed:.4g}"
    )
    return Check(main.outcome == "clear_win", sentence)


def beats_baseline(baseline: Comparison, champion: Comparison | None, spec: ProjectSpec) -> Check:
    """Check that the challenger is clearly better than the baseline, or on average where the champion is not clearly.

    A champion that is not clearly better than the baseline on the same rows would fail this check itself: to keep it,
    because too few rows are known to prove more of the challenger, protects nothing.

    Parameters
    ----------
    baseline : Comparison
        The challenger against the baseline.
    champion : Comparison or None
        The champion against the baseline; None without a champion, or where it cannot be measured.
    """
    rule = spec.scope.baseline
    name = f"({rule})" if rule in {"mean", "median", "majority", "last_value"} else repr(rule)
    found = _difference(baseline, f"the baseline {name}")
    if baseline.high < 0 or champion is None or champion.high < 0 or not math.isfinite(champion.difference):
        return Check(baseline.high < 0, f"found {found}; expected the whole interval below 0")
    of_champion = f"the champion's is {champion.difference:+.4g}, not clearly below 0 either"
    return Check(baseline.difference < 0, f"found {found}; expected it below 0 on average: {of_champion}")


def _difference(found: Comparison, other: str, before: str = "", after: str = "") -> str:
    """Return a loss difference with its interval in words; what could not be measured is said so."""
    known = math.isfinite(found.low) and math.isfinite(found.high)
    interval = f"{before}{found.low:+.4g} to {found.high:+.4g}" if known else NO_INTERVAL
    size = f" of {found.difference:+.4g}" if math.isfinite(found.difference) else ", which cannot be computed,"
    return f"a loss difference{size} to {other} ({interval}{after})"


def no_slice_worse(slices: Sequence[SliceResult], policy: Gate) -> Check:
    """Check that no slice of the spec is clearly worse."""
    limit = f"significantly worse by more than {policy.max_slice_loss:.0%}"
    refused = [f"{part.column} = {part.value} {part.change:+.1%}" for part in slices if part.refused]
    if refused:
        return Check(held=False, sentence=f"found slices {'; '.join(refused)}; expected none {limit}")
    return Check(held=True, sentence=f"found none of {counted(len(slices), 'slice')} {limit}")


def at_most(what: str, found: float, limit: float, unit: str) -> Check:
    """Check that a number is within its limit; NaN never is.

    Examples
    --------
    >>> at_most("size", 3.0, 2.0, " MB").sentence
    'found size 3 MB; expected at most 2 MB'
    >>> at_most("size", float("nan"), 2.0, " MB").held
    False
    """
    size = f"{found:.3g}{unit}" if math.isfinite(found) else f"an unknown number of{unit}"
    return Check(found <= limit, f"found {what} {size}; expected at most {limit:g}{unit}")
