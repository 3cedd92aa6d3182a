"""Kill -9 at every commit of a night, of a retraining and of a promotion: the next run ends as if nothing had happened.

Every run is a process of its own on a copy of one trained project.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable
from datetime import date

import pytest

from tasks.lake import entries
from tests.flows.conftest import NIGHT, Copy, Mother, cells, changed, contents, first_cells, invariants

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
KILLED = -signal.SIGKILL
COMMITS = ("leases", "rows", "rows", "labels", "quarantine", "predictions", "batches", "profiles", "predictions",
           "decisions", "leases")  # fmt: skip
HALF = 257  # of the 515 sales that landed on the night
Copier = Callable[..., Copy]


def eventful(it: Copy) -> Copy:
    """Let land what exercises every table: a delivery, a correction of an earlier one, labels, and a broken batch."""
    header, *sales = cells("sales")
    it.land("sales", NIGHT, [header, *sales[:HALF]])
    it.land("sales", "2014-07-12", changed([header, *sales[HALF:]], "sqft_living", lambda area: area * 1000))
    it.land("sales", "2014-07-07", changed(first_cells("sales"), "sqft_living", lambda area: area + 1, slice(-40, None)), 60)
    it.land("prices", NIGHT, cells("prices"))
    return it


def test_a_night_killed_at_any_commit_ends_as_an_undisturbed_one(copy: Copier, mother: Mother) -> None:
    plain = eventful(copy("undisturbed"))
    points = [(number, when) for number in range(1, len(COMMITS) + 1) for when in ("before", "after")]
    struck = {point: eventful(copy("-".join(map(str, point)))) for point in points}
    killed = mother.run(plain.job(), *(it.job(die=["commit", *point]) for point, it in struck.items()))
    assert killed == [0, *[KILLED] * len(points)], mother.said()[-3000:]
    wanted = contents(plain.house.lake, plain.project)
    invariants(plain.house)
    for it in struck.values():
        invariants(it.house, whole=False)
    assert mother.run(*(it.job() for it in struck.values())) == [0] * len(points), mother.said()[-3000:]
    for point, it in struck.items():
        assert contents(it.house.lake, it.project) == wanted, point
        invariants(it.house)
