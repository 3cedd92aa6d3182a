"""Events for a team's own automations in Prefect; an event is emitted after what it reports.

Their names are `leeway.` and one of `EVENTS`; their resource is `leeway.project.<project>`, so an automation can be
made for one project or for all. A payload holds what is in the record, never a row. Leeway itself acts on none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EVENTS: dict[str, str] = {
    "night.decided": "A night was decided; the payload has its action, kind of drift and reason.",
    "batch.quarantined": "A delivery, or rows of it, were quarantined.",
    "drift.detected": "Something is past its leeway, or the model hurts: the night's action was hold, ask or retrain.",
    "challenger.registered": "A retraining passed its gate and waits for approval.",
    "challenger.refused": "A retraining did not pass its gate.",
    "model.promoted": "A version became champion.",
    "model.rolled_back": "The previous champion came back.",
    "rollout.started": "A version may be promoted, and the prediction service rolls it out.",
    "rollout.advanced": "A candidate answers a larger share of the requests.",
    "rollout.doubted": "A rollout cannot be decided, and a person is asked.",
    "rollout.rolled_back": "A rollout has ended, and its version cannot be promoted again.",
    "rollout.finished": "A candidate has answered all requests as promised, and becomes champion.",
    "project.migrated": "What is stored was brought in line with a changed spec.",
    "project.renamed": "The project has another name; the resource has the new one.",
    "champion.restored": "A champion that MLflow had lost was restored from the lake.",
    "champion.put_back": "The alias `champion` was moved by hand, and is back.",
}


def emit_event(project: str, event: str, payload: Mapping[str, Any]) -> None:
    """Emit one of `EVENTS` about a project, in the background; an unreachable server fails nothing."""
    if event not in EVENTS:
        raise KeyError(f"{event!r} is not one of Leeway's events: {', '.join(EVENTS)}")
    # Imported once something happens: the controller of the service runs no flow.
    from prefect.events import emit_event as emit_prefect_event

    emit_prefect_event(
        event=f"leeway.{event}",
        resource={"prefect.resource.id": f"leeway.project.{project}", "prefect.resource.name": project},
        payload=dict(payload),
    )
