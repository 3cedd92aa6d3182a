"""Faults of category columns: one category in every row, a renamed category, categories that disappeared."""

from __future__ import annotations

import math
from statistics import NormalDist

from tasks.drift.measures.category_cells import most_rows
from tasks.profiles import CategoryProfile
from tasks.records import Suspicion

AGREEMENT = NormalDist().inv_cdf(1 - 0.01 / 2)  # two shares agree unless they differ at the level of one in a hundred


def stuck_category(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect one category in every row, where chance does not explain it."""
    if len(now.counts) != 1 or len(before.counts) < 2:  # noqa: PLR2004 - a column with one category cannot get stuck
        return None
    (only,) = now.counts
    was = most_rows(before, only) / max(before.present, 1)
    if not was or was**now.present > 0.01 / len(before.counts):
        return None
    return Suspicion("stuck", (name,), f"every row is {only!r}, {was:.0%} before", {"share": 1.0, "share_before": was})


def renamed_category(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect a category that disappeared while a new one has its share."""
    fresh = {key: count / now.present for key, count in now.counts.items() if key not in before.counts}
    for new in sorted(fresh, key=lambda key: -fresh[key]):
        for old in vanished(before, now):
            was = before.counts[old] / before.present
            if abs(was - fresh[new]) <= AGREEMENT * _doubt(was, now.present, before.present):
                words = f"{old!r} is gone ({was:.0%} of the rows) and {new!r} is new ({fresh[new]:.0%})"
                return Suspicion(
                    "renamed_category", (name,), words, {"old": old, "new": new, "share": fresh[new], "was": was}
                )
    return None


def missing_categories(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect categories that disappeared while the others kept their proportions."""
    gone = vanished(before, now)
    if not gone or set(now.counts) - set(before.counts):
        return None
    rest = {key: count for key, count in before.counts.items() if key not in gone}
    total = sum(rest.values())
    share_gone = 1 - total / before.present
    for key, count in rest.items():
        was, share_now = count / max(total, 1), now.counts.get(key, 0) / now.present
        limit = NormalDist().inv_cdf(1 - 0.01 / (2 * len(rest)))
        if abs(share_now - was) > limit * _doubt(was, now.present, total):
            return None
    listed = ", ".join(repr(key) for key in gone[:3])
    return Suspicion(
        "missing_slice", (name,), f"{listed} is gone ({share_gone:.0%} of the rows before)", {"share": share_gone}
    )


def vanished(before: CategoryProfile, now: CategoryProfile) -> list[str]:
    """Return the categories that are absent beyond chance: one in a hundred, over all categories."""
    least = 0.01 / max(len(before.counts), 1)
    gone = [key for key, count in before.counts.items() if key not in now.counts]
    absent = [key for key in gone if (1 - before.counts[key] / before.present) ** now.present < least]
    return sorted(absent, key=lambda key: -before.counts[key])


def _doubt(share: float, new: int, old: int) -> float:
    """Return the standard error of the difference of two shares."""
    return math.sqrt(max(share * (1 - share), 1 / old) * (1 / new + 1 / old))
