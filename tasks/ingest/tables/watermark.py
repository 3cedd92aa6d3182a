"""How far a table was read: the largest value of the column that grows with each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.spec.landing_sections.database_section import Database

TIME = "%Y%m%dT%H%M%S.%f"
NUMBERED, TIMED = frozenset({"int2", "int4", "int8"}), frozenset({"timestamp", "timestamptz"})


@dataclass(frozen=True, slots=True)
class Watermark:
    """The largest value that was read: a number, or a time with or without a time zone as the column has it."""

    value: int | datetime

    @property
    def text(self) -> str:
        """The value as a part of a name.

        >>> Watermark(datetime(2026, 3, 1, 2, 30, tzinfo=UTC)).text, Watermark(-17).text
        ('20260301T023000.000000Z', '-17')
        """
        if isinstance(self.value, int):
            return str(self.value)
        moment = self.in_utc
        return f"{moment.year:04}{moment:%m%dT%H%M%S.%f}{'' if self.value.tzinfo is None else 'Z'}"

    @property
    def in_utc(self) -> datetime:
        """The time, in UTC if it has a time zone.

        Raises
        ------
        TypeError
            It is a number.
        """
        if isinstance(self.value, int):
            raise TypeError(f"{self.value} is no time")
        return self.value if self.value.tzinfo is None else self.value.astimezone(UTC)

    @property
    def literal(self) -> str:
        """The value in SQL.

        >>> Watermark(17).literal, Watermark(datetime(2026, 3, 1)).literal
        ('17', "TIMESTAMP '2026-03-01 00:00:00.000000'")
        >>> Watermark(datetime(2026, 3, 1, tzinfo=UTC)).literal
        "TIMESTAMPTZ '2026-03-01 00:00:00.000000+00'"
        """
        if isinstance(self.value, int):
            return str(self.value)
        kind, zone = ("TIMESTAMP", "") if self.value.tzinfo is None else ("TIMESTAMPTZ", "+00")
        moment = self.in_utc
        return f"{kind} '{moment.year:04}-{moment:%m-%d %H:%M:%S.%f}{zone}'"

    def before(self, database: Database) -> Watermark:
        """Return the value from which on rows are read again, for transactions that commit late.

        >>> Watermark(datetime(1, 1, 1)).before(Database(table="rides", changed_at="at")).literal
        "TIMESTAMP '0001-01-01 00:00:00.000000'"
        >>> Watermark(17).before(Database(table="rides", changed_at="id", overlap_numbers=10)).value
        7
        """
        if isinstance(self.value, int):
            return Watermark(self.value - database.overlap_numbers)
        first = datetime.min.replace(tzinfo=self.value.tzinfo)
        overlap = timedelta(minutes=database.overlap_minutes)
        return Watermark(self.value - overlap if self.value - first >= overlap else first)

    def is_of(self, kind: str) -> bool:
        """Return whether it can be compared with a column of a type of PostgreSQL.

        >>> Watermark(17).is_of("int8"), Watermark(17).is_of("timestamp")
        (True, False)
        >>> [Watermark(datetime(2026, 3, 1)).is_of(kind) for kind in ("timestamp", "timestamptz")]
        [True, False]
        """
        if isinstance(self.value, int):
            return kind in NUMBERED
        return kind == ("timestamp" if self.value.tzinfo is None else "timestamptz")


def later(one: Watermark, other: Watermark) -> Watermark:
    """Return the larger of two watermarks of one kind.

    >>> later(Watermark(17), Watermark(18)).value
    18
    """
    return max(one, other, key=lambda each: each.value)


def watermark_of(text: str) -> Watermark:
    """Return the watermark with a text.

    >>> moment = datetime(2026, 3, 1, 2, 30, 0, 5, tzinfo=UTC)
    >>> watermark_of(Watermark(moment).text).value == moment, watermark_of("-17").value
    (True, -17)
    """
    if "T" not in text:
        return Watermark(int(text))
    read = datetime.strptime(text.removesuffix("Z"), TIME)  # noqa: DTZ007 - the zone is read next
    return Watermark(read.replace(tzinfo=UTC) if text.endswith("Z") else read)
