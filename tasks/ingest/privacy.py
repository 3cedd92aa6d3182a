"""What is never stored as it came: columns dropped, and columns replaced by a keyed hash, before the first write."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import pandas as pd

from tasks.errors import SpecError
from tasks.spec.models import Privacy

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

    Equal values get equal pseudonyms, in every delivery made with the same key; a missing or empty one stays so.
    A value's text is what is hashed, so a whole number hashes alike from csv and from parquet.

    Source: RFC 2104 (HMAC), with SHA-256, the first 16 bytes in hexadecimal.

    Examples
    --------
    >>> rows = pd.DataFrame({"name": ["Ann", "Bo"], "patient": ["7", ""]})
    >>> hidden = private(rows, Privacy(drop=["name"], pseudonymise=["patient"]), b"k")
    >>> list(hidden), hidden["patient"].tolist()
    (['patient'], ['9c737d163bcd1315bb695b00262e3ba4', ''])
    """
    kept = frame.drop(columns=[name for name in privacy.drop if name in frame])
    for name in privacy.pseudonymise:
        if name in kept:
            kept[name] = _pseudonyms(kept[name], key)
    return kept


def _pseudonyms(column: pd.Series, key: bytes) -> pd.Series:
    values, missing = column.to_numpy(dtype=object), column.isna().to_numpy()
    hashed = [
        value if gone or value == "" else pseudonym(_text(value), key)
        for value, gone in zip(values, missing, strict=True)
    ]
    return pd.Series(hashed, index=column.index, dtype=object)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def pseudonym(text: str, key: bytes) -> str:
    """Return the keyed hash of one text, 32 hexadecimal digits.

    Examples
    --------
    >>> pseudonym("7", b"k") == pseudonym("7", b"k") != pseudonym("7", b"another")
    True
    """
    return hmac.new(key, text.encode(), hashlib.sha256).digest()[:HASH_BYTES].hex()
