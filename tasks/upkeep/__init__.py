"""Upkeep: a project's stored tables in; small files compacted, orphaned and too old rows removed, out.

Nothing that counts changes: the rows, labels, profiles and predictions that stand before it stand after it.
"""

from tasks.upkeep.plan import Chore, Orphans, chores

__all__ = ["Chore", "Orphans", "chores"]
