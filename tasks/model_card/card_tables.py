"""Tables of the card: of the further metrics, and of the differences between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.render.safe_text import markdown
from tasks.render.values import interval, number

SPACE = "\N{NO-BREAK SPACE}" * 3


def metrics_section(evidence: Mapping[str, Any], most: int) -> str:
    """Return the further metrics of the spec, with their intervals; empty where there are none."""
    found: Sequence[Mapping[str, Any]] = evidence.get("metrics") or []
    if not found or not most:
        return ""
    heads = ("metric", "challenger", "interval", "champion", "difference", "may be worse by")
    rows = [heads, *(_cells(one) for one in found[:most])]
    hidden = f"\nAnd {len(found) - most} more in evidence.json of the source run." if len(found) > most else ""
    return "### Other metrics\n\n" + "\n".join(table_lines(rows)).rstrip() + hidden


def groups_section(evidence: Mapping[str, Any], most: int) -> str:
    """Return the differences between groups, those that refuse and the largest first; empty where there are none."""
    found: Sequence[Mapping[str, Any]] = evidence.get("fairness") or []
    if not found or not most:
        return ""
    worst = sorted(found, key=lambda one: (not one["refused"], -_use_of_limit(one["challenger"])))[:most]
    rows = [("group", "measure", "rows", "value", "others", "difference", "champion's", "limit")]
    hidden = f"\nAnd {len(found) - most} more in evidence.json of the source run." if len(found) > most else ""
    lines = table_lines([*rows, *(_group_cells(one) for one in worst)])
    return "### Differences between groups\n\n" + "\n".join(lines).rstrip() + hidden


def _use_of_limit(gap: Mapping[str, Any]) -> float:
    """Return a difference as a share of its limit; of one without, a thousandth of the difference: they come last."""
    size = abs(gap["difference"])
    return float(size / max(gap["limit"], 1e-9) if gap["limit"] is not None else min(size, 1.0) / 1000)


def _group_cells(found: Mapping[str, Any]) -> tuple[str, ...]:
    gap = found["challenger"]
    return (
        f"{gap['column']} = {gap['group']}",
        gap["measure"].replace("_", " "),
        f"{gap['rows']:,}",
        number(gap["value"]),
        number(gap["others"]),
        f"{number(gap['difference'])} ({interval(gap['low'], gap['high'])})",
        number(found["champion"]),
        "" if gap["limit"] is None else number(gap["limit"]),
    )


def _cells(found: Mapping[str, Any]) -> tuple[str, ...]:
    mine = found["challenger"]
    arrow = "higher" if mine["higher_is_better"] else "lower"
    return (
        f"{mine['name']} ({arrow} is better)",
        number(mine["value"]),
        interval(mine["low"], mine["high"]),
        number(found["champion"]),
        f"{number(found['difference'])} ({interval(found['difference_low'], found['difference_high'])})",
        "" if found["max_loss"] is None else number(found["max_loss"]),
    )


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table with space after its cells and below it: MLflow's page adds none.

    The space does not break: on a narrow screen it would fill a line alone.
    """
    head, *body = (f"| {f'{SPACE}| '.join(map(markdown, cells))} |" for cells in rows)
    return [head, f"|{' --- |' * len(rows[0])}", *body, "", "&nbsp;", ""]
