"""Rows that the prediction service has answered: scored by the version that answered, and proven bit by bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from flows.steps.in_service.served_tables import features_then, served_features
from flows.steps.in_service.single_rows import RowTerms, checked_rows, row_terms
from flows.workspace import Workspace
from tasks import clock
from tasks.errors import DataError, EvidenceError, SpecError
from tasks.ingest.task import served_content
from tasks.lake import Batch
from tasks.logs import line, logger
from tasks.model.input_matrix import input_matrix
from tasks.prove import BatchAnswer, batch_answers, compared
from tasks.records import ServedProof
from tasks.row_contract.compiled_contract import contract_digest
from tasks.score.task import Scorer, score_batches
from tasks.serving_store.logged_rows import LoggedAnswer, is_served, logged_answers, whole_lines
from tasks.spec.champion_inputs import read_by, with_inputs_of

GONE = "the delivery is no longer in serving.uri as it was taken in"
LINES_AT_ONCE = 20_000


def served_batches(batches: Sequence[Batch]) -> list[Batch]:
    """Return the deliveries of the prediction log that have rows."""
    return [batch for batch in batches if is_served(batch.kind, batch.key) and batch.rows_in]


def score_served(workspace: Workspace, batches: Sequence[Batch]) -> None:
    """Write the answers of logged rows to the lake, from the version that gave them: they are the served ones.

    Rows of a version that is not known, is gone, or reads what the night did not take in, are left to the champion.
    """
    given: dict[tuple[int, str], list[Batch]] = {}
    states = dict[str, str]()
    for batch in served_batches(batches):
        answered = _answered(workspace, batch)
        if batch.rows_accepted and not isinstance(answered, str):
            given.setdefault((answered[0].version, answered[0].digest), []).append(batch)
            states |= {answer.row_id: answer.tables for answer in answered}
    for (number, digest), own in given.items():
        version = workspace.served_version(number, digest)
        if isinstance(version, str):
            continue
        try:
            with_inputs_of(workspace.spec, version.model.schema, tuple)
        except SpecError as error:
            logger().warning(line("served_rows_left_to_champion", version=number, why=error))
            continue
        model, degree = version.model, workspace.spec.automation.degree
        reading = replace(workspace, spec=read_by(workspace.spec, model.schema))
        features = partial(served_features, workspace=reading, states=states)
        scorer = Scorer(workspace.lake, workspace.project, model, number, features, clock.now(), degree=degree)
        score_batches(scorer, own)


def prove_served(workspace: Workspace, batches: Sequence[Batch]) -> ServedProof | None:
    """Return how the answers of logged rows compare with those of the batch; None without such rows.

    Every line of the log is proven, whatever the night did with its row: also those of a row that was asked for again,
    that a source has delivered too, or of a delivery that is quarantined.
    """
    served = served_batches(batches)
    if not served:
        return None
    terms = row_terms(workspace.spec, workspace.folder)
    proof = sum((_proof(workspace, terms, batch) for batch in served), ServedProof())
    counts = {"differing": proof.differing, "rows": proof.rows, "unproven": proof.unproven}
    logger().info(line("served_rows_proven", **counts))
    return proof


def _proof(workspace: Workspace, terms: RowTerms, batch: Batch) -> ServedProof:
    content = served_content(workspace.spec, workspace.folder, batch)
    if content is None:
        return ServedProof(unproven=batch.rows_in, why=GONE)
    try:
        answered = logged_answers(content)
    except EvidenceError as error:
        return ServedProof(unproven=max(batch.rows_in, len(whole_lines(content))), why=str(error))
    lines, own = whole_lines(content), dict[tuple[int, str, str], list[int]]()
    for place, answer in enumerate(answered):
        own.setdefault((answer.version, answer.digest, answer.tables), []).append(place)
    parts = [
        places[start : start + LINES_AT_ONCE]
        for places in own.values()
        for start in range(0, len(places), LINES_AT_ONCE)
    ]
    proofs = (_of_lines(workspace, terms, [answered[at] for at in part], [lines[at] for at in part]) for part in parts)
    return sum(proofs, ServedProof())


def _of_lines(
    workspace: Workspace, terms: RowTerms, answered: Sequence[LoggedAnswer], lines: Sequence[bytes]
) -> ServedProof:
    """Return the proof of lines that one version has answered with one state of the feature tables."""
    number, unproven = answered[0].version, partial(ServedProof, unproven=len(lines), versions=(answered[0].version,))
    version = workspace.served_version(number, answered[0].digest)
    if isinstance(version, str):
        return unproven(why=version)
    rows = [json.loads(text) for text in lines]
    try:
        spec = with_inputs_of(workspace.spec, version.model.schema, lambda: rows[0])
    except SpecError as error:
        return unproven(why=f"version {number} reads what the spec no longer has: {error}")
    try:
        features = features_then(workspace, spec, answered[0].tables)
        checked = checked_rows(rows, replace(terms, spec=spec), features)
    except DataError as error:
        return unproven(why=str(error))
    batch: list[BatchAnswer | None] = [None] * len(lines)
    if checked.accepted:
        inputs = input_matrix(checked.frame, version.model.schema)
        answers = batch_answers(checked.scored(version.model, clock.now()), inputs)
        for place, answer in zip(checked.accepted, answers, strict=True):
            batch[place] = answer
    return compared(answered, batch, _contract(terms), named=not spec.privacy.pseudonymise)


def _contract(terms: RowTerms) -> str:
    """Return the digest of the contract of the night; an empty text where single rows cannot have it."""
    try:
        return contract_digest(terms.contract)
    except DataError:
        return ""


def _answered(workspace: Workspace, batch: Batch) -> list[LoggedAnswer] | str:
    """Return the logged answers of a delivery, which has those of one version, or why there are none."""
    content = served_content(workspace.spec, workspace.folder, batch)
    if content is None:
        return GONE
    try:
        return logged_answers(content) or GONE
    except EvidenceError as error:
        return str(error)
