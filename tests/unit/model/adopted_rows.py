"""Rows of flats, and an encoder, for tests of adoption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def flats() -> pd.DataFrame:
    """Flats with missing values, in another order of columns than the spec's, and of all kinds of values."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": rng.normal(30, 9, 240),
            "plan": rng.choice(["a", "b", "c"], 240),
            "lift": rng.random(240) < 0.5,
            "city": rng.choice(["x", "y"], 240),
            "rooms": rng.integers(1, 6, 240),
        }
    )
    frame.loc[::17, "plan"] = None
    frame.loc[::13, "age"] = np.nan
    return frame.assign(rent=frame["rooms"] * 100.0 + (frame["city"] == "x") * 50 + rng.normal(0, 9, 240))


def one_hot(**options: Any) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(**{"handle_unknown": "ignore", **options})
