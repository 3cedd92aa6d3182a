"""What a purchase means for its card: how large it is for it, and whether it comes as a surprise."""

from __future__ import annotations

import pandas as pd


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the purchase compared with those of the card in the 30 days before its last day of use.

    `times_usual` is the amount over the card's usual one; missing for a card without a history. `surprising` says that
    the purchase is online, and the owner of the card is known never to buy there.
    """
    usual = rows["spend_30d"] / rows["purchases_30d"]
    return rows.assign(
        times_usual=rows["amount"] / usual.where(usual > 0),
        surprising=(rows["online"].astype("boolean") & (rows["habit"] == "never")).astype("boolean"),
    )
