"""What `features.py` makes of many purchases, for one: the prediction service answers a purchase with it."""

from __future__ import annotations

import math
from typing import Any


def features(row: dict[str, Any]) -> dict[str, Any]:
    """Return `times_usual` and `surprising` of a purchase; a value that is missing is None."""
    amount, usual, is_online = row["amount"], usual_amount(row["spend_30d"], row["purchases_30d"]), row["online"]
    return {
        "times_usual": None if amount is None or usual is None or usual <= 0 else amount / usual,
        "surprising": is_online if row["habit"] == "never" else False,
    }


def usual_amount(spend: float | None, purchases: float | None) -> float | None:
    """Return the mean amount of a card's purchases; None for a card without a history."""
    if spend is None or purchases is None or spend == purchases == 0:
        return None
    return spend / purchases if purchases else spend * math.copysign(math.inf, purchases)
