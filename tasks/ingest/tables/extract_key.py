"""The name of what one night has read of a table: when it was read, and how far."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from tasks.ingest.tables.watermark import TIME, Watermark, watermark_of
from tasks.spec.landing_sections.database_section import Database

NAME = re.compile(
    r"(?:^|/)[0-9-]{10}\.(?P<read>\d{8}T\d{6}\.\d{6})Z\.upto-(?P<until>-?\d+(?:T\d{6}\.\d{6}Z?)?)\.parquet$"
)


class Extract(NamedTuple):
    """What one night has read: when, up to which value, and the name of the delivery."""

    read: datetime
    until: Watermark
    key: str

    def read_again_from(self, database: Database) -> Watermark:
        """Return the value after which rows are read the next time.

        Transactions commit late by the overlap at most. So once that had passed when the table was read, no row up to
        the newest one is missing, and none is read again. The age of a number, or of a time without a zone, is unknown.

        >>> database, noon = Database(table="rides", changed_at="at"), datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> soon, later = (Extract(noon + timedelta(hours=hours), Watermark(noon), "") for hours in (1, 2))
        >>> soon.read_again_from(database).value.hour, later.read_again_from(database).value.hour
        (10, 12)
        """
        value = self.until.value
        if isinstance(value, datetime) and value.tzinfo is not None:
            is_complete = self.read - value >= timedelta(minutes=database.overlap_minutes)
            return self.until if is_complete else self.until.before(database)
        return self.until.before(database)


def extract_key(day: date, read: datetime, until: Watermark) -> str:
    """Return the name of a delivery, with the day in the project's time zone for `source.arrival: filename`.

    >>> extract_key(date(2026, 3, 2), datetime(2026, 3, 1, 23, 30, tzinfo=UTC), Watermark(17))
    '2026-03-02.20260301T233000.000000Z.upto-17.parquet'
    """
    return f"{day}.{read.astimezone(UTC):{TIME}}Z.upto-{until.text}.parquet"


def newest_extract(keys: Iterable[str]) -> Extract | None:
    """Return what was read last of a table, from the names of its deliveries; None if there is no such name.

    >>> first, second = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    >>> keys = [extract_key(first.date(), first, Watermark(8)), extract_key(second.date(), second, Watermark(7))]
    >>> newest_extract([*keys, "2026-03-05.csv"]).until.value
    7
    """
    return max((found for key in keys if (found := _extract(key)) is not None), default=None, key=lambda one: one.read)


def _extract(key: str) -> Extract | None:
    found = NAME.search(key)
    if found is None:
        return None
    read = datetime.strptime(found["read"], TIME).replace(tzinfo=UTC)
    return Extract(read, watermark_of(found["until"]), key)
