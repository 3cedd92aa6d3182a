"""Evidence: the findings of the gate as a stored record, which is read again before promotion.

PROTOCOL is the number of the format. To change the format: raise it, let `from_dict` read every older number, and keep
a frozen file of the old format under tests/unit/evaluate/frozen with a test that reads it.

1   losses, difference, slices, budgets, reasons.
2   the confidence as corrected for earlier uses of the rows, those uses, memory, share of rows with a label.
3   the sentence of a check that passed begins with "passed: ".
4   how the answers differ from the champion's, and the bounds of it.
5   the further metrics of the spec, of both models.
6   the differences between the groups of the spec, of both models.
7   whether such a difference is past its limit.
8   the column of weights, and the effective number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from tasks.errors import EvidenceError
from tasks.evaluate.checks import PASSED
from tasks.evaluate.loss_comparison import Outcome
from tasks.evaluate.slice_checks import SliceResult
from tasks.records import GapComparison, GroupGap, MeasuredMetric, MetricComparison
from tasks.rollout import ChangePromise

PROTOCOL = 8
READABLE = (1, 2, 3, 4, 5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of the gate. Losses are means of `metric`, lower is better; numbers that are unknown are NaN.

    Attributes
    ----------
    verdict : {"clear_win", "borderline", "equal", "worse", "refused"}
        Against the champion, or against the baseline when there is no champion.
    passed : bool
        Whether a person may be asked: a clear win, and every check passed.
    start, end : date or None
        First and last event date of the rows compared; None without rows.
    challenger_bias, champion_bias : float
        Mean signed residual, truth minus prediction, on the metric's scale. `champion_*` are None without a champion.
    difference, difference_low, difference_high : float
        Challenger minus champion (or baseline), with its paired interval by event day.
    parity : float
        Largest difference between the exported and the trained model, on the model's scale.
    reasons : tuple of str
        One sentence per check: what was found, what was expected; failed checks first, passed ones say so.
    confidence : float
        Of the difference's interval: the spec's, raised for each earlier use of the rows.
    uses : int
        Number of earlier decisions on these rows.
    memory_mb : float
        Most memory of the loaded challenger while it predicted.
    labelled : float
        Share of the hold-out's rows that had a label.
    change : ChangePromise or None
        How the answers differ from the champion's; None without a champion, or if an earlier version measured it.
    metrics : tuple of MetricComparison
        The further metrics of the spec.
    fairness : tuple of GapComparison
        The differences between the groups of the spec.
    weight : str or None
        The column of weights; all losses are weighted by it.
    effective_rows : float or None
        The number of rows of equal weight from which a mean is as certain as from these; None where all weigh alike.
    """

    verdict: Outcome
    passed: bool
    metric: str
    rows: int
    start: date | None
    end: date | None
    challenger_loss: float
    challenger_low: float
    challenger_high: float
    challenger_bias: float
    champion_loss: float | None
    champion_bias: float | None
    difference: float
    difference_low: float
    difference_high: float
    baseline_loss: float
    slices: tuple[SliceResult, ...]
    latency_ms: float
    size_mb: float
    parity: float
    reasons: tuple[str, ...]
    confidence: float = math.nan
    uses: int = 0
    memory_mb: float = math.nan
    labelled: float = math.nan
    change: ChangePromise | None = None
    metrics: tuple[MetricComparison, ...] = ()
    fairness: tuple[GapComparison, ...] = ()
    weight: str | None = None
    effective_rows: float | None = None

    @property
    def refusal(self) -> str:
        """The checks that failed, in a line."""
        return "; ".join(reason for reason in self.reasons if not reason.startswith(PASSED))

    @property
    def summary(self) -> str:
        """The numbers of the verdict in a line; of a comparison that has none, why not."""
        if not all(map(math.isfinite, (self.difference_low, self.difference_high))):
            return self.refusal
        against = "the baseline" if self.champion_loss is None else "the champion"
        other = self.baseline_loss if self.champion_loss is None else self.champion_loss
        return (
            f"{self.metric} {self.challenger_loss:.4g} against {other:.4g} of {against} on {self.rows} rows; "
            f"difference {self.difference:+.4g} ({self.difference_low:+.4g} to {self.difference_high:+.4g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that strict JSON can hold: dates as text, numbers that are not finite as None."""
        content: dict[str, Any] = plain_values({"protocol": PROTOCOL, **asdict(self)})
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Evidence:
        """Return the evidence that `to_dict` wrote.

        Raises
        ------
        EvidenceError
            The content is not evidence, or has an unknown protocol.
        """
        protocol = content.get("protocol")
        if protocol not in READABLE:
            raise EvidenceError(
                f"found evidence protocol {protocol!r}; this Leeway reads {list(READABLE)}. "
                "Install the version that wrote it, or train again."
            )
        try:
            later = [name for name, since in SINCE.items() if protocol < since]
            values = {field.name: content[field.name] for field in fields(cls) if field.name not in later}
            return cls(**values | _restored(values, protocol))
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError(
                f"found damaged evidence ({error!r}); expected the fields of protocol {protocol}. Train again."
            ) from error


NUMBERS = (
    *("challenger_loss", "challenger_low", "challenger_high", "challenger_bias"),
    *("difference", "difference_low", "difference_high", "baseline_loss", "latency_ms", "size_mb", "parity"),
    *("confidence", "memory_mb", "labelled"),
)
UNMARKED = 2  # the last protocol in which sentences do not say whether their check passed
SINCE = {
    **dict.fromkeys(("confidence", "uses", "memory_mb", "labelled"), 2),
    **dict.fromkeys(("weight", "effective_rows"), 8),
    "change": 4,
    "metrics": 5,
    "fairness": 6,
}
"""The protocol since which a field is written."""


def _restored(values: Mapping[str, Any], protocol: int) -> dict[str, Any]:
    dates = {name: date.fromisoformat(values[name]) if values[name] else None for name in ("start", "end")}
    slices = tuple(
        SliceResult(**_with_nan(part, ("challenger_loss", "champion_loss", "change"))) for part in values["slices"]
    )
    reasons = tuple(values["reasons"]) if protocol > UNMARKED else _marked(values["reasons"], values["passed"])
    change = ChangePromise(**values["change"]) if values.get("change") else None
    metrics = tuple(
        MetricComparison(**part | {"challenger": MeasuredMetric(**part["challenger"])})
        for part in values.get("metrics", ())
    )
    fairness = tuple(
        GapComparison(**part | {"challenger": GroupGap(**part["challenger"])}) for part in values.get("fairness", ())
    )
    parts = {"slices": slices, "reasons": reasons, "change": change, "metrics": metrics, "fairness": fairness}
    return {**_with_nan(values, NUMBERS), **dates, **parts}


def _marked(reasons: Sequence[str], passed: bool) -> tuple[str, ...]:
    """Return the sentences of an older format; where all checks passed, each of them passed."""
    return tuple(reason if not passed or reason.startswith(PASSED) else f"{PASSED}{reason}" for reason in reasons)


def _with_nan(values: Mapping[str, Any], numbers: tuple[str, ...]) -> dict[str, Any]:
    return {**values, **{name: math.nan for name in numbers if name in values and values[name] is None}}


def plain_values(value: Any) -> Any:
    """Return a value as strict JSON holds it: lists and dicts, dates as text, numbers that are not finite as None."""
    if isinstance(value, dict):
        return {key: plain_values(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
