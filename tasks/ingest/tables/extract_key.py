"""The name of what one night has read of a table: when it was read, and how far.

What was read is two deliveries if there are deleted rows and others. The deleted ones are taken in first, and their
name says that the others follow: only once these are stored too was the table read that far.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

from tasks.ingest.tables.watermark import TIME, Watermark, watermark_of
from tasks.spec.landing_sections.database_section import Database

NAME = re.compile(
    r"(?:^|/)[0-9-]{10}\.(?P<read>\d{8}T\d{6}\.\d{6})Z\.(?P<of>[0-9a-f]{8})\.upto-(?P<until>-?\d+(?:T\d{6}\.\d{6}Z?)?)"
    r"(?:\.deleted)?\.parquet$"
)

Part = Literal["rows", "deleted", "deleted, before rows"]
ENDS: dict[Part, str] = {"rows": "", "deleted": ".deleted", "deleted, before rows": ".before-rows.deleted"}


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


def definition(uri: str, database: Database) -> str:
    """Return 8 characters that differ when another table, query or column is read, or all is to be read again.

    >>> rides = Database(table="rides", changed_at="at")
    >>> definition("env:A", rides) == definition("env:A", rides.model_copy(update={"overlap_minutes": 5}))
    True
    >>> definition("env:A", rides) == definition("env:A", rides.model_copy(update={"generation": 2}))
    False
    """
    parts = [uri, database.table, database.query, database.changed_at, database.generation]
    parts += [] if database.deleted_at is None else [database.deleted_at]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def extract_key(day: date, read: datetime, of: str, until: Watermark, part: Part = "rows") -> str:
    """Return the name of a delivery, with the day in the project's time zone for `source.arrival: filename`.

    Parameters
    ----------
    part : {"rows", "deleted", "deleted, before rows"}
        What is delivered; a name is before those of the parts that follow.

    >>> extract_key(date(2026, 3, 2), datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "0a1b2c3d", Watermark(17))
    '2026-03-02.20260301T233000.000000Z.0a1b2c3d.upto-17.parquet'
    >>> from tasks.records import Landed
    >>> key = extract_key(date(2026, 3, 2), datetime(2026, 3, 1, tzinfo=UTC), "0a1b2c3d", Watermark(-17), "deleted")
    >>> Landed("rows", key, 1, date(2026, 3, 2)).is_withdrawal, newest_extract([key], "0a1b2c3d").until.value
    (True, -17)
    >>> first = key.replace(".deleted", ".before-rows.deleted")
    >>> Landed("rows", first, 1, date(2026, 3, 2)).is_withdrawal, newest_extract([first], "0a1b2c3d")
    (True, None)
    """
    return f"{day}.{read.astimezone(UTC):{TIME}}Z.{of}.upto-{until.text}{ENDS[part]}.parquet"


def newest_extract(keys: Iterable[str], of: str) -> Extract | None:
    """Return what was read last, from the names of deliveries; None if none is of this definition.

    >>> first, second = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    >>> keys = [extract_key(each.date(), each, "0a1b2c3d", Watermark(9 - each.day)) for each in (first, second)]
    >>> newest_extract([*keys, "2026-03-05.csv"], "0a1b2c3d").until.value, newest_extract(keys, "ffffffff")
    (7, None)
    """
    found = [NAME.search(key) for key in keys]
    extracts = [_extract(each) for each in found if each is not None and each["of"] == of]
    return max(extracts, default=None, key=lambda one: one.read)


def _extract(found: re.Match[str]) -> Extract:
    read = datetime.strptime(found["read"], TIME).replace(tzinfo=UTC)
    return Extract(read, watermark_of(found["until"]), found.string)
