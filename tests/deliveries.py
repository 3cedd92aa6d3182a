"""A delivery from the bytes of one file, as a night reads it, and the batches that nights keep of deliveries."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tasks.ingest import Content, Unreadable, batch_id, delivery
from tasks.ingest.privacy import KeyOf
from tasks.lake import Batch
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec


def delivered(content: bytes, landed: Landed, spec: ProjectSpec, key: bytes | KeyOf = b"") -> Delivery | Unreadable:
    """Return the delivery of one object."""
    return delivery([Content.of(landed.key, content)], batch_id(content), landed, spec, key)


def accepted_batch(name: str, day: date, rows: int, **changes: Any) -> Batch:
    """Return the first state of a batch of rows of one day that arrived on that day and were all accepted."""
    usual: dict[str, Any] = {
        "revision": 1,
        "base": 1,
        "kind": "rows",
        "key": f"{name}.csv",
        "size_bytes": 1,
        "stamp": "",
        **dict.fromkeys(("arrival", "night", "event_from", "event_until"), day),
        "time": datetime.combine(day, datetime.min.time(), UTC),
        "rows_in": rows,
        "rows_accepted": rows,
        "rows_quarantined": 0,
        "rows_elsewhere": 0,
        "verdict": "accepted",
        "findings": "[]",
    }
    return Batch(batch_id=name, **(usual | changes))
