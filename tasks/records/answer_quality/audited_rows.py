"""The degree of automation of a night, and the error of what the model decides by itself, from rows people audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tasks.records.answer_quality.person_comparison import SureMean


@dataclass(frozen=True, slots=True)
class AuditedRows:
    """The rows that the model decided by itself and that people were drawn to decide too.

    Attributes
    ----------
    degree : str
        The degree of automation of the night.
    since : date
        Rows of later event dates count: since this version answers under this degree.
    are_shares : bool
        Whether errors are shares of wrong classes; else they are means of the metric.
    drawn, known : int
        Rows of the audit, and those of which the truth is known.
    error : SureMean or None
        Their error: that of all rows that the model decides by itself, without bias. None of too few for an interval.
    target : float or None
        The highest error that is allowed.
    evidence, limit : float
        The logarithm of the evidence that the error is above the target, and from where on the degree falls.
    people_a_day, people_per_day : float or None, int or None
        Rows a day of the newest window that are left to people, audit included, and how many they can decide.
    falls_to : str
        The degree from the next run on, where the error is above the target; empty where the degree holds.
    blind_share, audit_share : float or None
        The shares of the night, by which rows are drawn; None of a night that did not store them.
    """

    degree: str
    since: date
    are_shares: bool
    drawn: int = 0
    known: int = 0
    error: SureMean | None = None
    target: float | None = None
    evidence: float = 0.0
    limit: float = 0.0
    people_a_day: float | None = None
    people_per_day: int | None = None
    falls_to: str = ""
    blind_share: float | None = None
    audit_share: float | None = None

    def has_terms_of(self, degree: str, blind_share: float, audit_share: float) -> bool:
        """Return whether people decided the rows of the night under a degree and shares; shares not stored are any.

        >>> audit = AuditedRows("assist", date(2026, 1, 1), are_shares=True, blind_share=0.1, audit_share=0.0)
        >>> audit.has_terms_of("assist", 0.1, 0.0), audit.has_terms_of("assist", 0.5, 0.0)
        (True, False)
        """
        stored = (self.degree, self.blind_share, self.audit_share)
        return all(one in {None, other} for one, other in zip(stored, (degree, blind_share, audit_share), strict=True))

    @property
    def is_overloaded(self) -> bool:
        """Whether more rows a day are left to people than they can decide."""
        return self.people_a_day is not None and self.people_a_day > (self.people_per_day or float("inf"))

    @property
    def sentence(self) -> str:
        """The degree and the audit in words.

        >>> from datetime import date
        >>> AuditedRows("partial", date(2026, 1, 1), True, 60, 50, SureMean(0.04, 0.01, 0.12), 0.05).sentence
        'partial: 50 of 60 audited rows are known, of which 4.0 % (1.0 to 12.0) are wrong; the target is 5.0 %'
        """
        parts = [self._audit]
        if self.falls_to:
            parts.append(f"it falls to {self.falls_to}")
        if self.is_overloaded:
            parts.append(
                f"{self.people_a_day:,.0f} rows a day are left to people, who can decide {self.people_per_day:,}"
            )
        return f"{self.degree}: {'; '.join(parts)}"

    @property
    def _audit(self) -> str:
        if not self.drawn:
            return "no row is audited"
        known = f"{self.known:,} of {self.drawn:,} audited rows are known"
        if self.error is None:
            return f"{known}, too few to say how wrong they are" if self.known else known
        error = self.error.words(is_share=self.are_shares)
        measured = f", of which {error} are wrong" if self.are_shares else f", with an error of {error}"
        if self.target is None:
            return f"{known}{measured}"
        target = f"{100 * self.target:.1f} %" if self.are_shares else f"{self.target:.4g}"
        return f"{known}{measured}; the target is {target}"
