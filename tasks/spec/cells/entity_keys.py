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
