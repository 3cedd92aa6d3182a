"""From bytes to a frame exactly as delivered: a csv cell stays text, a parquet value keeps its type."""

from __future__ import annotations

import pandas as pd

from tasks.ingest.readers.chunks import Dialect, assembled, read_chunks
from tasks.ingest.readers.object_content import Content, Format
from tasks.ingest.readers.text_encoding import Encoding
from tasks.ingest.readers.unreadable import BrokenError, Unreadable

__all__ = ["Format", "Unreadable", "parsed"]


def parsed(
    content: bytes, key: str, fmt: Format, *, encoding: Encoding = "utf-8", separator: str = ","
) -> pd.DataFrame | Unreadable:
    r"""Return the rows of one object as delivered, or the reason why they cannot be read.

    Parameters
    ----------
    content : bytes
        The whole object; uncompressed first when it is gzip, or its key ends in .gz.
    key : str
        Its key, for this ending only.
    fmt : 'csv', 'jsonl' or 'parquet'
        The format in the spec; csv with a header.
    encoding : 'utf-8', 'latin-1' or 'cp1252'
        The encoding of csv and jsonl, unless there is a byte-order mark (UTF-8, UTF-16).
    separator : str
        The separator of csv cells.

    Returns
    -------
    DataFrame or Unreadable
        Every csv cell is text, an empty one too; jsonl values are Python objects; parquet columns keep their types,
        also whole numbers and booleans with missing values. Empty content is a frame without columns and rows.

    Notes
    -----
    Reason codes: `not_gzip`, `too_large` (more columns or bytes than memory has room for), `wrong_format`, `not_utf8`,
    `not_utf16`, `not_cp1252`, `nul_byte`, `wrong_separator`, `column_twice`, `ragged_row`, `unclosed_quote`,
    `row_too_long`, `not_csv`, `not_jsonl`, `not_parquet`; and `columns_differ` for a delivery of several objects.

    Examples
    --------
    >>> parsed(b"id,zip\n7,01234\n8,NA\n", "a.csv", "csv")["zip"].tolist()
    ['01234', 'NA']
    >>> parsed(b"id,zip\n7\n", "a.csv", "csv")
    Unreadable(reason='ragged_row', detail='line 2 has 1 cells, the header 2')
    """
    try:
        return assembled(read_chunks([Content.of(key, content)], Dialect(fmt, encoding, separator)))
    except BrokenError as error:
        return error.unreadable
