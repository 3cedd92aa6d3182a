"""Slices as a file of their model: numbers in JSON.

To bump PROTOCOL: raise it, let `slices_from_json` still read every older number, and keep a frozen file of the old
form.

1   all rows count alike: a day has its sum of losses, and its rows.
2   a day has its sum of weighted losses, of weights, and its rows, and there is the mean weight.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from tasks.errors import EvidenceError
from tasks.monitor.slicing.cuts import Cut
from tasks.monitor.slicing.slice_errors import Slices

PROTOCOL = 2
READABLE = (1, 2)


def slices_to_json(known: Slices) -> str:
    """Return slices as text."""
    plain = {
        "protocol": PROTOCOL,
        "cap": known.cap,
        "skewness": known.skewness,
        "mean_weight": known.mean_weight,
        "cuts": [asdict(cut) for cut in known.cuts],
        "days": [[day.isoformat(), *sums.tolist()] for day, sums in sorted(known.days.items())],
    }
    return json.dumps(plain, allow_nan=False)


def slices_from_json(text: str | bytes) -> Slices:
    """Return the slices that `slices_to_json` wrote.

    Raises
    ------
    EvidenceError
        It is something else, or of a protocol this release does not read.
    """
    plain: dict[str, Any] = json.loads(text)
    if plain.get("protocol") not in READABLE:
        raise EvidenceError(
            f"found slices of protocol {plain.get('protocol')!r}; this release reads {list(READABLE)}. Train again, or "
            "use the release that wrote them"
        )
    cuts = tuple(
        Cut(each["column"], tuple(each["edges"]), None if each["names"] is None else tuple(each["names"]))
        for each in plain["cuts"]
    )
    days = {  # of protocol 1 the weights are the rows
        date.fromisoformat(day): np.array([sums, weights, *(rest or [weights])], dtype=np.float64)
        for day, sums, weights, *rest in plain["days"]
    }
    return Slices(plain["cap"], plain["skewness"], cuts, days, plain.get("mean_weight"))
