"""The key of an entity with several key columns as one text, the same for rows and for tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.spec.cells.cell_types import categories


def entity_names(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return the key columns of each row as one text, missing if any part is missing.

    Examples
    --------
    >>> entity_names(pd.DataFrame({"shop": [7, 8], "till": ["a", None]}), ["shop", "till"]).tolist()
    ['7|a', nan]
    """
    return joined([categories(frame[name]).column for name in columns])


def joined(parts: Sequence[pd.Series]) -> pd.Series:
    r"""Return texts joined by `|`; a `|` inside a part is written as `\|`, so that different keys stay different.

    Examples
    --------
    >>> joined([pd.Series(["a", "a|b"]), pd.Series(["b|c", "c"])]).tolist()
    ['a|b\\|c', 'a\\|b|c']
    """
    if len(parts) == 1:
        return parts[0]
    escaped = [part.str.replace("\\", "\\\\", regex=False).str.replace("|", "\\|", regex=False) for part in parts]
    return escaped[0].str.cat(pd.concat(escaped[1:], axis=1), sep="|")


def event_names(row_ids: pd.Series, events: pd.Series, id_parts: int) -> pd.Series:
    r"""Return the key of an event of each row: the parts of the id of the row, and then the event.

    >>> event_names(pd.Series(["7|2014-05-02"]), pd.Series(["redone"]), 2).tolist()
    ['7|2014-05-02|redone']
    >>> event_names(pd.Series(["a|b"]), pd.Series(["redone"]), 1).tolist()
    ['a\\|b|redone']
    """
    return joined([row_ids, events]) if id_parts == 1 else row_ids.str.cat(events, sep="|")


def row_of_event(name: str, id_parts: int) -> str:
    r"""Return the id of the row of an event.

    >>> row_of_event("7|2014-05-02|redone", 2), row_of_event("a\\|b|redone", 1)
    ('7|2014-05-02', 'a|b')
    """
    return parts_of(name)[0] if id_parts == 1 else name.rpartition("|")[0]


def parts_of(row_id: str) -> list[str]:
    r"""Return the parts that `joined` has joined by `|`.

    >>> parts_of(r"7|2014-05-02"), parts_of(r"a\|b|c"), parts_of(r"a\\|b|")
    (['7', '2014-05-02'], ['a|b', 'c'], ['a\\', 'b', ''])
    """
    parts, escaped = [""], False
    for character in row_id:
        if escaped or character not in "\\|":
            parts[-1] += character
            escaped = False
        elif character == "|":
            parts.append("")
        else:
            escaped = True
    return parts
