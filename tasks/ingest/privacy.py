"""What is never stored as it came: columns dropped, and columns replaced by a keyed hash, before the first write."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from tasks.errors import SpecError
from tasks.ingest.readers.chunks import Piece
from tasks.ingest.readers.parquet import frame_of_table
from tasks.spec.cells.cell_types import folded
from tasks.spec.project_spec import Privacy

HASH_BYTES = 16


def secret(privacy: Privacy, environment: Mapping[str, str]) -> bytes:
    """Return the key of the hash; empty when nothing is pseudonymised.

    Raises
    ------
    SpecError
        When columns are to be pseudonymised and the variable that holds the key is not set.

    Examples
    --------
    >>> secret(Privacy(pseudonymise=["patient"]), {"LEEWAY_PRIVACY_KEY": "k"})
    b'k'
    """
    name = privacy.key.removeprefix("env:")
    if not privacy.pseudonymise:
        return b""
    if not environment.get(name):
        fault = (
            f"privacy.key is {privacy.key!r}, but the variable {name} is not set; expected the key that hashes "
            f"{privacy.pseudonymise}: set {name}, and keep it (another key gives other pseudonyms)"
        )
        raise SpecError([fault])
    return environment[name].encode()


def private(frame: pd.DataFrame, privacy: Privacy, key: bytes) -> pd.DataFrame:
    """Return a delivery without its dropped columns and with pseudonyms for its pseudonymised ones.

    Equal values get equal pseudonyms, in every delivery made with the same key; a missing or blank one stays so.
    A value's text is what is hashed, so a whole number hashes alike from csv and from parquet.

    Columns are told by their names as people read them: `First Name` is meant by `first_name` too. It will be refused
    as another column all the same, and what is refused is kept, so it must not carry what was to be left out.

    Source: RFC 2104 (HMAC), with SHA-256, the first 16 bytes in hexadecimal.

    Examples
    --------
    >>> rows = pd.DataFrame({"name": ["Ann", "Bo"], "patient": ["7", ""]})
    >>> hidden = private(rows, Privacy(drop=["name"], pseudonymise=["patient"]), b"k")
    >>> list(hidden), hidden["patient"].tolist()
    (['patient'], ['9c737d163bcd1315bb695b00262e3ba4', ''])
    """
    dropped = _meant(list(frame.columns), privacy.drop)
    kept = frame.drop(columns=dropped) if dropped else frame.copy(deep=False)
    for name in _meant(list(kept.columns), privacy.pseudonymise):
        kept[name] = _pseudonyms(kept[name], key)
    return kept


def private_piece(piece: Piece, privacy: Privacy, key: bytes) -> Piece:
    """Return a piece of a delivery as `private` would make it."""
    if isinstance(piece, pd.DataFrame):
        return private(piece, privacy, key)
    kept = piece.drop_columns(_meant(piece.column_names, privacy.drop))
    for name in _meant(kept.column_names, privacy.pseudonymise):
        index = kept.column_names.index(name)
        hashed = _pseudonyms(frame_of_table(kept.select([name]))[name], key)
        kept = kept.set_column(index, name, pa.array(hashed, pa.string(), from_pandas=True))
    return kept


def _meant(columns: Sequence[str], named: Sequence[str]) -> list[str]:
    meant = {folded(name) for name in named}
    return [name for name in columns if folded(name) in meant] if meant else []


def _pseudonyms(column: pd.Series, key: bytes) -> pd.Series:
    values, missing = column.to_numpy(dtype=object), column.isna().to_numpy()
    texts = [None if gone else _text(value) for value, gone in zip(values, missing, strict=True)]
    hashed = {text: pseudonym(text, key) if text else text for text in set(texts) if text is not None}
    return pd.Series([None if text is None else hashed[text] for text in texts], index=column.index, dtype="str")


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def pseudonym(text: str, key: bytes) -> str:
    """Return the keyed hash of one text, 32 hexadecimal digits.

    Examples
    --------
    >>> pseudonym("7", b"k") == pseudonym("7", b"k") != pseudonym("7", b"another")
    True
    """
    return hmac.digest(key, text.encode(), hashlib.sha256)[:HASH_BYTES].hex()
