"""Detect the dialect of a csv file by trying: its encoding, separator and decimal sign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from tasks.ingest import Unreadable, parsed
from tasks.ingest.landing.path_columns import with_path_columns
from tasks.ingest.readers.object_content import Format
from tasks.ingest.readers.text_encoding import Encoding

SEPARATORS = (",", ";", "\t", "|")
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "cp1252", "latin-1")
DECIMAL_COMMA = r"[+-]?\d+,\d+"
WHOLE = r"[+-]?\d+"


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How files are written; `decimal` is the sign before the decimals of a number, in csv."""

    encoding: Encoding = "utf-8"
    separator: str = ","
    decimal: str = "."
    path_columns: tuple[str, ...] = ()

    def unusual(self) -> dict[str, str | list[str]]:
        """Return the settings that differ from the defaults, as a spec must state them."""
        default = CsvDialect()
        settings = {"encoding": self.encoding, "separator": self.separator, "decimal": self.decimal}
        stated: dict[str, str | list[str]] = {
            name: value for name, value in settings.items() if value != getattr(default, name)
        }
        return stated | ({"path_columns": list(self.path_columns)} if self.path_columns else {})

    def read(self, content: bytes, key: str, fmt: Format) -> pd.DataFrame | Unreadable:
        """Return the rows of one file as delivered, or why they cannot be read."""
        rows = parsed(content, key, fmt, encoding=self.encoding, separator=self.separator)
        if isinstance(rows, Unreadable) or not self.path_columns:
            return rows
        (whole,) = with_path_columns([rows], key, self.path_columns)
        return whole if isinstance(whole, pd.DataFrame) else whole.to_pandas()


def detect_dialect(content: bytes, key: str, fmt: Format) -> CsvDialect:
    r"""Return the first dialect in which a file can be read, or the default one.

    Examples
    --------
    >>> detect_dialect("Größe;Preis\n1,5;2\n".encode("cp1252"), "a.csv", "csv")
    CsvDialect(encoding='cp1252', separator=';', decimal=',', path_columns=())
    """
    if fmt != "csv":
        return CsvDialect()
    for encoding in ENCODINGS:
        for separator in SEPARATORS:
            rows = CsvDialect(encoding, separator).read(content, key, fmt)
            if isinstance(rows, pd.DataFrame):
                return CsvDialect(encoding, separator, "," if separator != "," and _has_decimal_commas(rows) else ".")
            if rows.reason != "wrong_separator":
                break
        if isinstance(rows, Unreadable) and not rows.reason.startswith("not_utf8"):
            break
    return CsvDialect()


def with_decimal_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with decimal points in the number columns that have decimal commas.

    Examples
    --------
    >>> with_decimal_points(pd.DataFrame({"a": ["1,5", "2"], "b": ["x,y", "z"]}, dtype="str")).to_numpy().tolist()
    [['1.5', 'x,y'], ['2', 'z']]
    """
    changed = {name: frame[name].str.replace(",", ".", regex=False) for name in _with_decimal_commas(frame)}
    return frame.assign(**changed)


def _has_decimal_commas(frame: pd.DataFrame) -> bool:
    return any(True for _ in _with_decimal_commas(frame))


def _with_decimal_commas(frame: pd.DataFrame) -> Iterable[str]:
    """Yield the columns in which every filled cell is a number and at least one has a decimal comma."""
    for name in frame.columns:
        cells = frame[name].str.strip()
        cells = cells[cells != ""]
        commas = cells.str.fullmatch(DECIMAL_COMMA)
        if commas.any() and (commas | cells.str.fullmatch(WHOLE)).all():
            yield str(name)
