"""Upkeep: a project's tables as they lie in the store in; small files together, what is nobody's or too old out.

Nothing that counts changes: the rows, labels, profiles and predictions that stand before it stand after it.
"""

from tasks.upkeep.plan import Chore, Orphans, chores

__all__ = ["Chore", "Orphans", "chores"]
