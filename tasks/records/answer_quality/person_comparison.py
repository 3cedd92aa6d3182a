"""People and the model on the same rows: how often they agree, and how wrong each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class SureMean:
    """A mean with an interval that holds at every look: counting again every night adds no error."""

    value: float
    low: float
    high: float

    def words(self, *, is_share: bool) -> str:
        """Return the mean in words.

        >>> SureMean(0.9, 0.85, 0.94).words(is_share=True), SureMean(12.5, 11, 14).words(is_share=False)
        ('90.0 % (85.0 to 94.0)', '12.5 (11 to 14)')
        """
        if is_share:
            return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """What people and the model decided of some rows.

    Attributes
    ----------
    where : str
        The slice in words; empty for all rows.
    rows : int
        Rows that both decided.
    agreement : SureMean or None
        The share of them with the same decision; None of too few rows for an interval, here and below.
    labelled : int
        Those of which the truth is known by now.
    person_error, model_error : SureMean or None
        The error of each on these: the share of wrong classes, or the mean of the metric.
    one_right : int
        Those on which one was right, or nearer to the truth, and the other was not.
    model_right : SureMean or None
        The share of these on which it was the model; above one half, the model is right more often.
    """

    where: str
    rows: int
    agreement: SureMean | None = None
    labelled: int = 0
    person_error: SureMean | None = None
    model_error: SureMean | None = None
    one_right: int = 0
    model_right: SureMean | None = None


@dataclass(frozen=True, slots=True)
class PersonComparison:
    """People next to a version of the model, since it began to answer under its degree of automation.

    Attributes
    ----------
    version : int
        The version.
    since, until : date
        The first and the last event date of the rows.
    are_shares : bool
        Whether errors are shares of wrong classes; else they are means of the metric.
    hidden : ComparedRows
        Rows that people decided without seeing what the model answers.
    slices : tuple of ComparedRows
        The same rows by slice, the largest first.
    shown_rows : int
        Rows that people may have decided with the answer in view: they say nothing of either.
    shown_agreement : SureMean or None
        The share of these with the same decision.
    """

    version: int
    since: date
    until: date
    are_shares: bool
    hidden: ComparedRows
    slices: tuple[ComparedRows, ...] = ()
    shown_rows: int = 0
    shown_agreement: SureMean | None = None

    @property
    def verdict(self) -> str:
        """Who is surely right more often where they differ: `model`, `person`, or `open` while that is not known.

        >>> from datetime import date
        >>> rows = ComparedRows("", 90, one_right=40, model_right=SureMean(0.8, 0.55, 0.9))
        >>> PersonComparison(3, date(2026, 1, 1), date(2026, 2, 1), True, rows).verdict
        'model'
        """
        right = self.hidden.model_right
        if right is None:
            return "open"
        return "model" if right.low > 0.5 else "person" if right.high < 0.5 else "open"  # noqa: PLR2004 - one half

    @property
    def sentence(self) -> str:
        """The comparison in words.

        >>> from datetime import date
        >>> rows = ComparedRows("", 90, SureMean(0.9, 0.8, 0.95))
        >>> PersonComparison(3, date(2026, 1, 1), date(2026, 2, 1), True, rows).sentence
        'the same decision on 90.0 % (80.0 to 95.0) of 90 rows; the truth of them is not known yet'
        >>> known = ComparedRows("", 90, SureMean(0.9, 0.8, 0.95), labelled=20)
        >>> PersonComparison(3, date(2026, 1, 1), date(2026, 2, 1), False, known).sentence.partition("; ")[2]
        '20 known rows are too few to compare errors'
        """
        hidden, is_share = self.hidden, self.are_shares
        if hidden.agreement is None:
            return f"too few rows are known: {hidden.rows}"
        same = f"the same decision on {hidden.agreement.words(is_share=True)} of {hidden.rows:,} rows"
        if hidden.person_error is None or hidden.model_error is None:
            few = f"{hidden.labelled:,} known rows are too few to compare errors"
            return f"{same}; {few if hidden.labelled else 'the truth of them is not known yet'}"
        person, model = (error.words(is_share=is_share) for error in (hidden.person_error, hidden.model_error))
        wrong = f"people are wrong by {person}, version {self.version} by {model} on {hidden.labelled:,} known rows"
        if hidden.model_right is None:
            return f"{same}; {wrong}"
        who = {
            "model": "surely more often the model",
            "person": "surely more often the person",
            "open": "who is right more often is open",
        }[self.verdict]
        right = hidden.model_right.words(is_share=True)
        return f"{same}; {wrong}; where one was right, the model was on {right} of {hidden.one_right:,} rows: {who}"
