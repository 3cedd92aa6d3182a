"""What the gate promises of a challenger: how often and how far its answers differ from the champion's.

A rollout is held against this promise, so that a fault of serving is distinguished from a model that has learned
something new. Rows are taken as independent; `rollout.leeway` covers that days differ.
"""

from __future__ import annotations

import math

import numpy as np

from tasks.evaluate.comparison_set import ComparisonSet, ScoredRows
from tasks.model.version_change import version_change
from tasks.rollout import ChangePromise
from tasks.statistics import mean_margin, share_upper

CONFIDENCE = 0.99


def change_promise(compared: ComparisonSet, scored: ScoredRows) -> ChangePromise | None:
    """Return what the gate's rows promise; None without a champion or without rows."""
    if compared.champion is None or not len(scored.rows):
        return None
    unit = _unit(compared, scored)
    answers = scored.predictions["champion"], scored.predictions["challenger"]
    change = version_change((compared.champion, compared.challenger), answers, unit)
    rows, count = len(change.size), int(change.changed.sum())
    size, shift = float(change.size.mean()), float(change.shift.mean())
    reach = 2 * mean_margin((1 + change.shift) / 2, CONFIDENCE)
    return ChangePromise(
        rows=rows,
        unit=unit,
        changed=count / rows,
        changed_high=share_upper(count, rows, CONFIDENCE),
        size=size,
        size_high=min(1.0, size + mean_margin(change.size, CONFIDENCE)),
        shift=shift,
        shift_low=max(-1.0, shift - reach),
        shift_high=min(1.0, shift + reach),
    )


def _unit(compared: ComparisonSet, scored: ScoredRows) -> float:
    if compared.challenger.schema.task != "regression":
        return 0.0
    errors = np.abs(scored.truth - scored.predictions["champion"])
    found = float(np.mean(errors[np.isfinite(errors)])) if np.isfinite(errors).any() else 0.0
    return found if math.isfinite(found) else 0.0
