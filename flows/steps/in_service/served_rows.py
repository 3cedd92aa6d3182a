"""Rows that the prediction service has answered: scored by the version that answered, and proven bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flows.workspace import Workspace
from tasks import clock
from tasks.dataset.feature_assembly import assembled_features
from tasks.errors import EvidenceError
from tasks.ingest.task import served_content
from tasks.lake import Batch, RowFiles
from tasks.logs import line, logger
from tasks.prove import batch_answers, compared
from tasks.records import ServedProof
from tasks.score import predictions
from tasks.score.task import Scorer, score_batches
from tasks.serving_store.logged_rows import LoggedAnswer, is_served, logged_answers

GONE = "the delivery is no longer in serving.uri as it was taken in"


def served_batches(batches: Sequence[Batch]) -> list[Batch]:
    """Return the deliveries of the prediction log of which rows were accepted or refused."""
    return [batch for batch in batches if is_served(batch.kind, batch.key) and batch.rows_in]


def score_served(workspace: Workspace, batches: Sequence[Batch]) -> None:
    """Write the answers of logged rows to the lake, from the version that gave them: they are the served ones.

    Rows of a version that is not known, or is gone, are left to the champion.
    """
    given: dict[tuple[int, str], list[Batch]] = {}
    for batch in served_batches(batches):
        answered = _answered(workspace, batch)
        if batch.rows_accepted and not isinstance(answered, str):
            given.setdefault((answered[0].version, answered[0].digest), []).append(batch)
    features = partial(assembled_features, spec=workspace.spec, lake=workspace.lake, folder=workspace.folder)
    for (number, digest), own in given.items():
        version = workspace.served_version(number, digest)
        if not isinstance(version, str):
            model, degree = version.model, workspace.spec.automation.degree
            scorer = Scorer(workspace.lake, workspace.project, model, number, features, clock.now(), degree=degree)
            score_batches(scorer, own)


def prove_served(workspace: Workspace, batches: Sequence[Batch]) -> ServedProof | None:
    """Return how the answers of logged rows compare with those of the batch; None without such rows."""
    served = served_batches(batches)
    if not served:
        return None
    stored = RowFiles.now(workspace.lake, workspace.project)
    proof = sum((_proof(workspace, stored, batch) for batch in served), ServedProof())
    counts = {"differing": proof.differing, "rows": proof.rows, "unproven": proof.unproven}
    logger().info(line("served_rows_proven", **counts))
    return proof


def _proof(workspace: Workspace, stored: RowFiles, batch: Batch) -> ServedProof:
    answered = _answered(workspace, batch)
    if isinstance(answered, str):
        return ServedProof(unproven=batch.rows_in, why=answered)
    versions = tuple(sorted({answer.version for answer in answered}))
    if not batch.rows_accepted:
        why = "their delivery is quarantined" if batch.rows_quarantined else ""
        return ServedProof(unproven=batch.rows_quarantined, why=why, versions=versions)
    version = workspace.served_version(answered[0].version, answered[0].digest)
    if isinstance(version, str):
        return ServedProof(unproven=len(answered), why=version, versions=versions)
    rows = workspace.features(stored.rows(batch))
    scored = predictions(rows, version.model, version.number, "champion", clock.now())
    return compared(answered, batch_answers(scored), rows, version.model.schema, batch.rows_quarantined)


def _answered(workspace: Workspace, batch: Batch) -> list[LoggedAnswer] | str:
    """Return the logged answers of a delivery, which has those of one version, or why there are none."""
    content = served_content(workspace.spec, workspace.folder, batch)
    if content is None:
        return GONE
    try:
        return logged_answers(content) or GONE
    except EvidenceError as error:
        return str(error)
