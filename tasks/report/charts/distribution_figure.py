"""The figure of the inputs' distributions: the reference next to the newest window, the most moved column first."""

from __future__ import annotations

from tasks.records import NightEntry, WindowDistributions
from tasks.render.distribution_grid import DrawnColumn, draw_distribution_grid
from tasks.report.night_readings import strains


def distribution_figure(night: NightEntry, distributions: WindowDistributions) -> str:
    """Return the distributions of the newest measured window; `night` says how far each column moved."""
    used, window = strains(night), distributions.window
    ordered = sorted(distributions.columns, key=lambda one: -used.get(one.column, 0.0))
    drawn = [DrawnColumn(one, f"{used[one.column]:.0%} of its leeway" if one.column in used else "") for one in ordered]
    caption = (
        f"The rows of {window.start} to {window.end} ({window.rows:,}) next to those that the champion learned from. "
        "The most moved column is first; the outermost 1 % of the numbers at each end is not drawn."
    )
    return draw_distribution_grid("Inputs, then and now", caption, drawn)
