"""Bike rentals, such as a stranger might have."""

from __future__ import annotations

import numpy as np
import pandas as pd


def rentals(first: pd.Timestamp, *, days: int, seed: int) -> pd.DataFrame:
    """Return 22 bike rentals a day: longer when it is warm, shorter against the wind and for members."""
    chance = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 22)
    minute = chance.integers(0, 24 * 60, len(day))
    temperature = 12 + 8 * np.sin(day / 15) + chance.normal(0, 3, len(day))
    wind, member = chance.gamma(2, 4, len(day)), chance.random(len(day)) < 0.6
    station = chance.choice(["harbour", "market", "campus", "park"], len(day))
    minutes = 12 + 0.6 * temperature - 0.4 * wind - 8 * member + 9 * (station == "park") + chance.normal(0, 3, len(day))
    started = first + pd.to_timedelta(day, unit="D") + pd.to_timedelta(minute, unit="m")
    return pd.DataFrame({
        "rental": [f"R{first:%y%m%d}-{number:04d}" for number in range(len(day))],
        "started": started.strftime("%Y-%m-%d %H:%M"),
        "station": station,
        "temperature": temperature.round(1),
        "wind": wind.round(1),
        "member": np.where(member, "yes", "no"),
        "minutes": minutes.clip(1).round(1),
    })  # fmt: skip
