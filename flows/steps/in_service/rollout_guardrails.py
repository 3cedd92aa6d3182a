"""The guardrails of a rollout: nights compare what users saw of both versions, and the last comparison counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from flows.workspace import Workspace
from tasks.dataset.night_data import NightData
from tasks.errors import EvidenceError
from tasks.ingest.task import served_content
from tasks.lake import Batch
from tasks.logs import line, logger
from tasks.output_metrics.task import compare_versions_task
from tasks.output_metrics.users_by_version import LOGGED_COLUMNS, logged_users
from tasks.records import Entry, GuardedMetric, RolloutEntry, nights_of, rollouts, running_rollout
from tasks.registry.mlflow_names import GUARDRAILS
from tasks.rollout import GuardrailEvidence, RolloutTerms
from tasks.serving_store.logged_rows import is_served


def compared_versions(workspace: Workspace, data: NightData) -> tuple[GuardedMetric, ...]:
    """Return what users saw of both versions of the rollout that is under way; nothing if it has no guardrails.

    It is shown on the page of the candidate too.
    """
    last = running_rollout(data.entries)
    if last is None or not last.terms.get("guardrails"):
        return ()
    steps = next(steps for steps in rollouts(data.entries) if steps[-1] is last)
    batches = [
        batch
        for batch in data.deliveries.latest()
        if is_served(batch.kind, batch.key) and batch.time >= steps[0].time and batch.night <= data.night
    ]
    days = [batch.event_from for batch in batches if batch.event_from is not None]
    after = min(days, default=data.night) - timedelta(days=1)
    entity = RolloutTerms.from_dict(last.terms).entity
    found = compare_versions_task(data, steps, _logged(workspace, batches, entity), after)
    shown = "; ".join(metric.sentence for metric in found)
    workspace.registry.set_tag(workspace.project, last.version, GUARDRAILS, shown)
    return found


def _logged(workspace: Workspace, batches: Sequence[Batch], entity: str) -> pd.DataFrame:
    """Return the rows of deliveries of the prediction log; what is gone or cannot be read is left out, and logged."""
    frames = [pd.DataFrame(columns=LOGGED_COLUMNS)]
    for batch in batches:
        content = served_content(workspace.spec, workspace.folder, batch)
        if content is None:
            logger().warning(line("logged_rows_gone", delivery=batch.key))
            continue
        try:
            frames.append(logged_users(content, entity))
        except EvidenceError as error:
            logger().warning(line("logged_rows_unread", delivery=batch.key, why=error))
    return pd.concat(frames)


def found_by_nights(entries: Sequence[Entry], last: RolloutEntry) -> tuple[GuardrailEvidence, ...]:
    """Return what the last night that compared both versions of a rollout has found."""
    for night in reversed(nights_of(entries)):
        own = [metric for metric in night.guarded if metric.rollout == last.rollout]
        if own:
            return tuple(GuardrailEvidence(one.name, one.evidence, one.harmless, one.sentence) for one in own)
    return ()
