"""The name of what was read of one version of a Delta table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

Part = Literal["all", "deleted", "rows"]
"""All rows of a version; those that it has deleted; those that it has added or changed, which are taken in last."""
NAME = re.compile(r"(?:^|/)[0-9-]{10}\.(?P<of>[0-9a-f]{8})\.v(?P<version>\d{20})\.(?P<part>all|deleted|rows)\.parquet$")


class VersionPart(NamedTuple):
    """A part of a version of a table."""

    version: int
    part: Part


def part_name(day: date, of: str, version: int, part: Part) -> str:
    """Return the name of a delivery, with the day of the version for `source.arrival: filename`.

    Parameters
    ----------
    of : str
        8 characters that differ when the table is another one.

    Examples
    --------
    >>> part_name(date(2026, 3, 2), "0a1b2c3d", 17, "rows")
    '2026-03-02.0a1b2c3d.v00000000000000000017.rows.parquet'
    >>> from tasks.records import Landed
    >>> key = part_name(date(2026, 3, 2), "0a1b2c3d", 17, "deleted")
    >>> Landed("rows", key, 1, date(2026, 3, 2)).is_withdrawal
    True
    """
    return f"{day}.{of}.v{version:020}.{part}.parquet"


def newest_version(keys: Iterable[str], of: str) -> VersionPart | None:
    """Return what was taken in last of a table; None if nothing was.

    >>> keys = [part_name(date(2026, 3, 2), "0a1b2c3d", 17, part) for part in ("rows", "deleted")]
    >>> newest_version([*keys, "2026-03-09.csv"], "0a1b2c3d"), newest_version(keys, "ffffffff")
    (VersionPart(version=17, part='rows'), None)
    """
    found = [match for match in map(NAME.search, keys) if match is not None and match["of"] == of]
    read = [VersionPart(int(match["version"]), _part(match["part"])) for match in found]
    return max(read, default=None)


def _part(text: str) -> Part:
    return "all" if text == "all" else "deleted" if text == "deleted" else "rows"
