"""Privacy rules, applied before the first write: columns are dropped, or replaced by a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from tasks.errors import SpecError
from tasks.ingest.readers.bounds import Chunk
from tasks.ingest.readers.parquet import frame_of_table
from tasks.spec.cells.cell_types import folded
from tasks.spec.project_spec import Privacy

HASH_BYTES = 16


def secret(privacy: Privacy, environment: Mapping[str, str]) -> bytes:
    """Return the key of the hash; empty when nothing is pseudonymised.

    Raises
    ------
    SpecError
        When columns are to be pseudonymised and the variable with the key is not set.

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
    """Return a delivery without the columns to drop, and with pseudonyms in the columns to pseudonymise.

    Equal values have equal pseudonyms in all deliveries made with the same key; a missing or blank value stays so. The
    text of a value is hashed, so a whole number has the same pseudonym from csv and from parquet.

    Columns are matched by their names as people read them: `first_name` also matches `First Name`. Such a column is
    refused later because of its name, but refused rows are stored, so the rules must apply to it.

    Source: RFC 2104 (HMAC), with SHA-256, the first 16 bytes in hexadecimal.

    Examples
    --------
    >>> rows = pd.DataFrame({"name": ["Ann", "Bo"], "patient": ["7", ""]})
    >>> hidden = private(rows, Privacy(drop=["name"], pseudonymise=["patient"]), b"k")
    >>> list(hidden), hidden["patient"].tolist()
    (['patient'], ['9c737d163bcd1315bb695b00262e3ba4', ''])
    """
    dropped = _named(list(frame.columns), privacy.drop)
    kept = frame.drop(columns=dropped) if dropped else frame.copy(deep=False)
    for name in _named(list(kept.columns), privacy.pseudonymise):
        kept[name] = _pseudonyms(kept[name], key)
    return kept


def private_chunk(chunk: Chunk, privacy: Privacy, key: bytes) -> Chunk:
    """Return a chunk of a delivery as `private` returns it."""
    if isinstance(chunk, pd.DataFrame):
        return private(chunk, privacy, key)
    kept = chunk.drop_columns(_named(chunk.column_names, privacy.drop))
    for name in _named(kept.column_names, privacy.pseudonymise):
        index = kept.column_names.index(name)
        hashed = _pseudonyms(frame_of_table(kept.select([name]))[name], key)
        kept = kept.set_column(index, name, pa.array(hashed, pa.string(), from_pandas=True))
    return kept


def _named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the columns with one of some names, as people read them."""
    readings = {folded(name) for name in names}
    return [name for name in columns if folded(name) in readings] if readings else []


def _pseudonyms(column: pd.Series, key: bytes) -> pd.Series:
    values, missing = column.to_numpy(dtype=object), column.isna().to_numpy()
    texts = [None if absent else _text(value) for value, absent in zip(values, missing, strict=True)]
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
