"""Metrics of rollouts: what a candidate may answer, and what all workers together have seen of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from tasks.errors import EvidenceError
from tasks.rollout import RolloutSums
from tasks.serving_store import RolloutGrant, ServingStore
from tasks.serving_store.rollout_ledger import read_sums

MEANINGS = {
    "share": "The share of the requests that the candidate of a rollout may answer now.",
    "version": "Number of the version that is rolled out.",
    "stage": "Number of the step of the rollout.",
    "rows": "Rows of the rollout that both versions have answered.",
    "changed": "Rows of the rollout with another answer than the champion's.",
    "changed_sent": "Changed answers of the rollout that were sent.",
    "quota_left": "Changed answers that may still be sent.",
    "faults": "Requests of the rollout that the candidate could not answer.",
}
"""The metrics; all are 0 without a rollout, and begin again with each."""


def rollout_lines(store: ServingStore, projects: Sequence[str], seconds: float) -> Iterator[str]:
    """Yield the lines of all metrics; the only label is the project.

    Parameters
    ----------
    seconds : float
        The time, in seconds since 1970: a grant that has ended is none.
    """
    found = {project: _values(store, project, seconds) for project in projects}
    for name, meaning in MEANINGS.items():
        yield f"# HELP leeway_serve_rollout_{name} {meaning}"
        yield f"# TYPE leeway_serve_rollout_{name} gauge"
        for project, values in found.items():
            yield f'leeway_serve_rollout_{name}{{project="{project}"}} {values.get(name, 0):.10g}'


def _values(store: ServingStore, project: str, seconds: float) -> dict[str, float]:
    with suppress(EvidenceError, OSError):
        grant = store.grant(project)
        if grant is not None and grant.not_after > seconds:
            return _of_rollout(grant, read_sums(store.root, project, grant.rollout, grant.stage))
    return {}


def _of_rollout(grant: RolloutGrant, sums: RolloutSums) -> dict[str, float]:
    return {
        "share": grant.share,
        "version": grant.version,
        "stage": grant.stage,
        "rows": sums.rows,
        "changed": sums.changed,
        "changed_sent": sums.spent,
        "quota_left": grant.quota - sums.spent,
        "faults": sums.faults,
    }
