"""What is told of a delivery that was checked: the same for one held whole and one fed in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tasks.records import Finding, Landed, Verdict

SEVERITIES = ("critical", "warning", "info")


class Concluded(Protocol):
    """A delivery after its contract, held or not."""

    @property
    def landed(self) -> Landed:
        """Where it came from."""

    @property
    def verdict(self) -> Verdict:
        """What the contract says of it."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The rules that did not hold."""

    @property
    def rows_in(self) -> int:
        """Rows delivered."""

    @property
    def rows_refused(self) -> int:
        """Rows set aside."""


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """A delivery's name, verdict, numbers of rows and findings, the gravest first."""

    key: str
    kind: str
    verdict: str
    rows_in: int
    rows_accepted: int
    findings: tuple[Finding, ...]

    @property
    def rows_refused(self) -> int:
        """Rows that were set aside."""
        return self.rows_in - self.rows_accepted


def delivery_summaries(checked: Sequence[Concluded]) -> list[DeliverySummary]:
    """Return what is told of each delivery: those set aside first, then those in part, each in their order."""
    order = {"quarantined": 0, "partly_quarantined": 1, "accepted": 2}
    found = [_told(each) for each in checked]
    return sorted(found, key=lambda each: order[each.verdict])


def headline(deliveries: Sequence[DeliverySummary]) -> str:
    """Return all deliveries in a sentence or two.

    Examples
    --------
    >>> headline([DeliverySummary("a.csv", "rows", "accepted", 9, 9, ()), DeliverySummary("b.csv", "rows",
    ... "quarantined", 2, 0, ())])
    '2 deliveries: 1 accepted, 1 quarantined. 11 rows in, 9 accepted, 2 refused.'
    """
    if not deliveries:
        return "Nothing was delivered."
    counts = [
        (sum(each.verdict == verdict for each in deliveries), verdict.replace("_", " "))
        for verdict in ("accepted", "partly_quarantined", "quarantined")
    ]
    verdicts = ", ".join(f"{count} {name}" for count, name in counts if count)
    name = "delivery" if len(deliveries) == 1 else "deliveries"
    rows, accepted = sum(each.rows_in for each in deliveries), sum(each.rows_accepted for each in deliveries)
    return (
        f"{len(deliveries)} {name}: {verdicts}. {rows:,} rows in, {accepted:,} accepted, {rows - accepted:,} refused."
    )


def _told(checked: Concluded) -> DeliverySummary:
    findings = tuple(sorted(checked.findings, key=lambda finding: SEVERITIES.index(finding.severity)))
    landed, accepted = checked.landed, checked.rows_in - checked.rows_refused
    return DeliverySummary(landed.key, landed.kind, checked.verdict, checked.rows_in, accepted, findings)
