"""Faults of category columns: one category in every row, a renamed category, categories that disappeared."""

from __future__ import annotations

import math
from statistics import NormalDist

from tasks.drift.measures.category_cells import most_rows
from tasks.profiles import CategoryProfile
from tasks.records import Suspicion

LEVEL = 0.01  # of a test: one in a hundred
AGREEMENT = NormalDist().inv_cdf(1 - LEVEL / 2)  # two shares agree unless they differ at that level


def stuck_category(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect one category in every row, where chance does not explain it."""
    if len(now.counts) != 1 or len(before.counts) < 2:  # noqa: PLR2004 - a column with one category cannot get stuck
        return None
    (only,) = now.counts
    was = most_rows(before, only) / max(before.present, 1)
    if not was or was**now.present > LEVEL / len(before.counts):
        return None
    return Suspicion("stuck", (name,), f"every row is {only!r}, {was:.0%} before", {"share": 1.0, "share_before": was})


def renamed_category(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect a category that disappeared while a new one has its share, or all of them with as many new ones.

    `share` is that of all rows with a new category: where one has another name, the others are as little known.
    """
    fresh = {key: count / now.present for key, count in now.counts.items() if key not in before.counts}
    share = sum(fresh.values())
    for new in sorted(fresh, key=lambda key: -fresh[key]):
        for old in vanished(before, now):
            was = before.counts[old] / before.present
            if abs(was - fresh[new]) <= AGREEMENT * _doubt(was, now.present, before.present):
                words = f"{old!r} is gone ({was:.0%} of the rows) and {new!r} is new ({fresh[new]:.0%})"
                words += f"; {share:.0%} of the rows have a new category" if len(fresh) > 1 else ""
                return Suspicion("renamed_category", (name,), words, {"old": old, "new": new, "share": share})
    if not _all_renamed(before, now):
        return None
    words = f"not one of {len(before.counts)} known categories came, but {len(fresh)} new ones"
    return Suspicion("renamed_category", (name,), words, {"share": share})


def _all_renamed(before: CategoryProfile, now: CategoryProfile) -> bool:
    """Return whether no known category came, beyond chance, and as many new ones as rows like those before have.

    A row has a category not met before with the probability of Good and Turing (Good, Biometrika 40, 1953): the
    categories with one row, by all rows. Among n rows each category of share p occurs with 1 - (1 - p)^n.
    """
    singles = sum(count == 1 for count in before.counts.values()) / before.present
    if not now.counts or any(key in before.counts for key in now.counts) or singles**now.present > LEVEL:
        return False
    occurs = [1 - (1 - count / before.present) ** now.present for count in before.counts.values()]
    doubt = math.sqrt(sum(chance * (1 - chance) for chance in occurs))
    return abs(len(now.counts) - sum(occurs)) <= AGREEMENT * doubt + 1 / 2


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
        limit = NormalDist().inv_cdf(1 - LEVEL / (2 * len(rest)))
        if abs(share_now - was) > limit * _doubt(was, now.present, total):
            return None
    listed = ", ".join(repr(key) for key in gone[:3])
    return Suspicion(
        "missing_slice", (name,), f"{listed} is gone ({share_gone:.0%} of the rows before)", {"share": share_gone}
    )


def vanished(before: CategoryProfile, now: CategoryProfile) -> list[str]:
    """Return the categories that are absent beyond chance: at that level, over all categories."""
    least = LEVEL / max(len(before.counts), 1)
    gone = [key for key, count in before.counts.items() if key not in now.counts]
    absent = [key for key in gone if (1 - before.counts[key] / before.present) ** now.present < least]
    return sorted(absent, key=lambda key: -before.counts[key])


def _doubt(share: float, new: int, old: int) -> float:
    """Return the standard error of the difference of two shares."""
    return math.sqrt(max(share * (1 - share), 1 / old) * (1 / new + 1 / old))
