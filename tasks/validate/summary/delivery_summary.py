"""The summary of a checked delivery, whether it was checked as a whole or in chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tasks.records import Finding, Landed, Verdict
from tasks.render.values import counted

SEVERITIES = ("critical", "warning", "info")
VERDICTS = ("accepted", "partly_quarantined", "quarantined")


class Concluded(Protocol):
    """A delivery that was checked against its contract."""

    @property
    def landed(self) -> Landed:
        """The file it was delivered as."""

    @property
    def verdict(self) -> Verdict:
        """The verdict of the contract."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The expectations that failed."""

    @property
    def rows_in(self) -> int:
        """Rows delivered."""

    @property
    def rows_refused(self) -> int:
        """Rows quarantined."""


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """A delivery's name, verdict, row counts and findings, the most severe first."""

    key: str
    kind: str
    verdict: str
    rows_in: int
    rows_accepted: int
    findings: tuple[Finding, ...]

    @property
    def rows_refused(self) -> int:
        """Rows that were quarantined."""
        return self.rows_in - self.rows_accepted


def delivery_summaries(checked: Sequence[Concluded]) -> list[DeliverySummary]:
    """Return a summary of each delivery: quarantined ones first, then partly quarantined ones, each in their order."""
    order = {verdict: rank for rank, verdict in enumerate(reversed(VERDICTS))}
    return sorted(map(_summary, checked), key=lambda delivery: order[delivery.verdict])


def headline(deliveries: Sequence[DeliverySummary]) -> str:
    """Return the number of deliveries by verdict, and of their rows, as text.

    Examples
    --------
    >>> headline([DeliverySummary("a.csv", "rows", "accepted", 9, 9, ()), DeliverySummary("b.csv", "rows",
    ... "quarantined", 2, 0, ())])
    '2 deliveries: 1 accepted, 1 quarantined. 11 rows in, 9 accepted, 2 refused.'
    """
    if not deliveries:
        return "Nothing was delivered."
    counts = Counter(delivery.verdict for delivery in deliveries)
    verdicts = ", ".join(f"{counts[verdict]} {verdict.replace('_', ' ')}" for verdict in VERDICTS if counts[verdict])
    rows = sum(delivery.rows_in for delivery in deliveries)
    accepted = sum(delivery.rows_accepted for delivery in deliveries)
    return (
        f"{counted(len(deliveries), 'delivery', 'deliveries')}: {verdicts}. "
        f"{rows:,} rows in, {accepted:,} accepted, {rows - accepted:,} refused."
    )


def _summary(checked: Concluded) -> DeliverySummary:
    findings = tuple(sorted(checked.findings, key=lambda finding: SEVERITIES.index(finding.severity)))
    landed, accepted = checked.landed, checked.rows_in - checked.rows_refused
    return DeliverySummary(landed.key, landed.kind, checked.verdict, checked.rows_in, accepted, findings)
