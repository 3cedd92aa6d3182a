"""From bytes to a frame, exactly as delivered: a csv cell stays text, a parquet value keeps its type."""

from __future__ import annotations

import pandas as pd

from tasks.ingest.readers.chunks import Dialect, assembled, pieces
from tasks.ingest.readers.object_content import Content, Format
from tasks.ingest.readers.text_encoding import Encoding
from tasks.ingest.readers.unreadable import BrokenError, Unreadable

__all__ = ["Format", "Unreadable", "parsed"]


def parsed(
    content: bytes, key: str, fmt: Format, *, encoding: Encoding = "utf-8", separator: str = ","
) -> pd.DataFrame | Unreadable:
    r"""Return the rows of one object as delivered, or why they cannot be read.

    Parameters
    ----------
    content : bytes
        The whole object; unpacked first when it is gzip, or its key says so.
    key : str
        Its key, for that ending only.
    fmt : 'csv', 'jsonl' or 'parquet'
        How the spec says the files are written; csv with a header.
    encoding : 'utf-8', 'latin-1' or 'cp1252'
        Of csv and jsonl, unless a byte-order mark (UTF-8, UTF-16) says otherwise.
    separator : str
        What stands between two cells of csv.

    Returns
    -------
    DataFrame or Unreadable
        Every csv cell is text, the empty one too; jsonl values are Python's own; parquet columns keep their types,
        whole numbers and booleans with gaps included. No bytes at all are a frame without columns or rows.

    Notes
    -----
    Reason codes: `not_gzip`, `too_large` (unpacks out of all proportion), `wrong_format`, `not_utf8`, `not_utf16`,
    `not_cp1252`, `nul_byte`, `wrong_separator`, `column_twice`, `ragged_row`, `unclosed_quote`, `row_too_long`,
    `not_csv`, `not_jsonl`, `not_parquet`; and `columns_differ` for a delivery of several objects.

    Examples
    --------
    >>> parsed(b"id,zip\n7,01234\n8,NA\n", "a.csv", "csv")["zip"].tolist()
    ['01234', 'NA']
    >>> parsed(b"id,zip\n7\n", "a.csv", "csv")
    Unreadable(reason='ragged_row', detail='line 2 has 1 cells, the header 2')
    """
    try:
        return assembled(pieces([Content.of(key, content)], Dialect(fmt, encoding, separator)))
    except BrokenError as error:
        return error.found
