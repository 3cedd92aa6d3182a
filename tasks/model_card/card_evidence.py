"""The evidence on a card: how large the losses are, how sure that is, and on which rows it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.model_card.card_tables import table_lines
from tasks.model_card.version_summary import Request
from tasks.render.safe_text import markdown
from tasks.render.values import counted, interval, number
from tasks.spec.project_spec import ProjectSpec


def evidence_section(evidence: Mapping[str, Any], request: Request) -> str:
    """Return the losses of challenger, champion and baseline, their intervals, and on what they were measured."""
    metric, target = request.spec.scope.metric.replace("_", " "), request.spec.scope.target
    sure, surer = f"{100 * request.spec.gate.confidence:g} %", _confidence(evidence, request)
    biases = [number(evidence.get(f"{who}_bias")) for who in ("challenger", "champion")]
    rows = [
        ("", "challenger", "champion", "baseline"),
        (metric, *(number(evidence.get(f"{who}_loss")) for who in ("challenger", "champion", "baseline"))),
        (f"{sure} interval", _interval(evidence, "challenger"), "", ""),
        (_bias(request.spec), *biases, ""),
    ]
    lines = [f"### Evidence\n\n{_ground(evidence)} Lower is better.\n", *table_lines(rows)]
    if evidence.get("difference") is not None:
        rival = "baseline" if evidence.get("champion_loss") is None else "champion"
        lines.append(
            f"Challenger minus {rival}: **{number(evidence['difference'])}** ({surer} interval "
            f"{_interval(evidence, 'difference')}). Below zero, the challenger is better.{_used(evidence)}"
        )
    if change := evidence.get("change"):
        lines.append(_changed(change))
    if target is not None:
        lines.append(f"Target of the project: {number(target)} ({_reached(evidence, target)}).")
    return "\n".join(lines).rstrip()


def _changed(change: Mapping[str, Any]) -> str:
    """Return how often the answers of a challenger differ from the champion's.

    >>> _changed({"rows": 500, "unit": 0.0, "changed": 0.02, "changed_high": 0.04})
    'Its decision differs from that of the champion in 2.0 % of these rows (99 % sure: at most 4.0 %).'
    """
    more = f"answer differs from that of the champion by more than {number(change['unit'])}"
    what = more if change["unit"] else "decision differs from that of the champion"
    most = f"99 % sure: at most {100 * change['changed_high']:.1f} %"
    return f"Its {what} in {100 * change['changed']:.1f} % of these rows ({most})."


def _bias(spec: ProjectSpec) -> str:
    several = spec.training.task == "multiclass"
    return "bias (share correct minus mean confidence)" if several else "bias (truth minus prediction)"


def _reached(evidence: Mapping[str, Any], target: float) -> str:
    """Return whether the challenger's loss reaches the target.

    >>> _reached({"challenger_loss": 0.13}, 0.15), _reached({}, 0.15)
    ('reached', 'unknown')
    """
    loss = evidence.get("challenger_loss")
    return "unknown" if not isinstance(loss, int | float) else "reached" if loss <= target else "not reached"


def _ground(evidence: Mapping[str, Any]) -> str:
    return (
        f"All numbers are measured on the same {count(evidence.get('rows'))} rows, from "
        f"{markdown(evidence.get('start') or 'n/a', 20)} to {markdown(evidence.get('end') or 'n/a', 20)}. "
        f"The compared models were not trained on them.{_weighed(evidence)}"
    )


def _weighed(evidence: Mapping[str, Any]) -> str:
    """Return by which column rows count, where they do.

    >>> _weighed({"weight": "amount", "effective_rows": 310.4}), _weighed({})
    (' Rows count by their `amount`; means are as certain as of 310 equal rows.', '')
    """
    if not evidence.get("weight"):
        return ""
    column = markdown(evidence["weight"], 40)
    return f" Rows count by their `{column}`; means are as certain as of {evidence['effective_rows']:.0f} equal rows."


def _confidence(evidence: Mapping[str, Any], request: Request) -> str:
    """Return the confidence that was used: the spec's, raised where the same rows decided before."""
    recorded = evidence.get("confidence")
    used = recorded if isinstance(recorded, int | float) else request.spec.gate.confidence
    return f"{100 * used:.4g} %"


def _used(evidence: Mapping[str, Any]) -> str:
    uses = evidence.get("uses")
    if not isinstance(uses, int) or not uses:
        return ""
    return f" These rows were used in {counted(uses, 'earlier decision')}, so the confidence is raised."


def _interval(evidence: Mapping[str, Any], what: str) -> str:
    return interval(evidence.get(f"{what}_low"), evidence.get(f"{what}_high"))


def count(value: object) -> str:
    """Return a number of rows as a card shows it.

    >>> count(21_613)
    '21,613'
    """
    return f"{value:,}" if isinstance(value, int) else number(value)
