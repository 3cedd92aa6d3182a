"""The prediction reference as a file of its model: numbers in JSON, and the predictions' profile in base64.

To bump PROTOCOL: raise it, let `from_json` still read every older number, and keep a frozen file of the old form.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import Any

from tasks.drift import from_bytes, to_bytes
from tasks.errors import EvidenceError
from tasks.monitor.prediction_drift.prediction_groups import PredictionGroup
from tasks.monitor.prediction_drift.prediction_reference import PredictionReference

PROTOCOL = 1


def to_json(known: PredictionReference) -> str:
    """Return answers as text: plain numbers, and the predictions' reference in base64."""
    plain = {
        "protocol": PROTOCOL,
        "metric": known.metric,
        "binary": known.binary,
        "edges": known.edges,
        "groups": [asdict(group) for group in known.groups],
        "days": known.days,
        "row": dict(known.row),
        "predictions": base64.b64encode(to_bytes(known.predictions)).decode("ascii"),
        "trusted": known.trusted,
    }
    return json.dumps(plain, allow_nan=False)


def from_json(text: str | bytes) -> PredictionReference:
    """Return the answers that `to_json` wrote.

    Raises
    ------
    EvidenceError
        It is something else, or of a protocol this release does not read.
    """
    plain: dict[str, Any] = json.loads(text)
    if plain.get("protocol") != PROTOCOL:
        raise EvidenceError(
            f"found answers of protocol {plain.get('protocol')!r}; this release reads {PROTOCOL}. Train again, or use "
            "the release that wrote them"
        )
    return PredictionReference(
        plain["metric"],
        plain["binary"],
        tuple(plain["edges"]),
        tuple(PredictionGroup(**group) for group in plain["groups"]),
        tuple((start, tuple(sums), tuple(rows)) for start, sums, rows in plain["days"]),
        {name: tuple(values) for name, values in plain["row"].items()},
        from_bytes(base64.b64decode(plain["predictions"])),
        plain["trusted"],
    )
