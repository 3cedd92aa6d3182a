"""The distributions of a project's newest measured night, as the lake keeps them until the page is written again."""

from __future__ import annotations

import msgspec

from tasks.records import WindowDistributions

PROTOCOL = 1


class _File(msgspec.Struct):
    protocol: int
    distributions: WindowDistributions


def distributions_to_json(distributions: WindowDistributions) -> bytes:
    """Return the file's content."""
    return msgspec.json.encode(_File(PROTOCOL, distributions))


def distributions_from_json(content: bytes | None) -> WindowDistributions | None:
    """Return what `distributions_to_json` wrote; None from a missing file, or one of another release.

    >>> from datetime import date
    >>> from tasks.records import ColumnDistribution, Window
    >>> columns = (ColumnDistribution("plan", (1.0,), (0.5,), ("a",)),)
    >>> stored = distributions_to_json(WindowDistributions(Window(date(2026, 1, 1), date(2026, 1, 7), 90), columns))
    >>> distributions_from_json(stored).columns == columns
    True
    >>> distributions_from_json(None), distributions_from_json(stored.replace(b'"protocol":1', b'"protocol":9'))
    (None, None)
    """
    try:
        read = msgspec.json.decode(content or b"", type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return read.distributions if read.protocol == PROTOCOL else None
