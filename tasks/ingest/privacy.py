"""Privacy rules, applied before the first write: columns are dropped, or replaced by a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from tasks.errors import SpecError
from tasks.ingest.readers.bounds import Chunk
from tasks.ingest.readers.columnar.parquet import frame_of_table
from tasks.ingest.readers.unreadable import Unreadable
from tasks.spec.cells.cell_types import folded
from tasks.spec.project_spec import Privacy

HASH_BYTES = 16
KEY_BYTES = 16
SEPARATED = b"leeway pseudonyms 2"
KeyOf: TypeAlias = Callable[[str], bytes]
# Reasons with details that are quoted from the file: names of columns, or what a library says of a value.
QUOTING = frozenset({"column_twice", "nul_byte", "not_csv", "not_parquet"})


def secret(privacy: Privacy, environment: Mapping[str, str], *, short: bool = False) -> bytes:
    """Return the key of the hash; empty when nothing is pseudonymised.

    Parameters
    ----------
    short : bool
        Whether a key that is too short to be a secret is returned nevertheless, because stored pseudonyms need it.

    Raises
    ------
    SpecError
        When columns are to be pseudonymised and the variable with the key is not set, or is too short to be a secret.

    Examples
    --------
    >>> secret(Privacy(pseudonymise=["patient"]), {"LEEWAY_PRIVACY_KEY": "0123456789abcdef"})
    b'0123456789abcdef'
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
    key = environment[name].encode()
    if len(key) < KEY_BYTES and not short:
        fault = (
            f"the key in {name} has {len(key)} bytes; expected at least {KEY_BYTES} random ones, such as "
            "`openssl rand -hex 16` prints: who guesses the key can test which value a pseudonym has"
        )
        raise SpecError([fault])
    return key


def separated(key: bytes, project: str) -> KeyOf:
    """Return the key of each column of a project, by its name as people read it.

    With a key for each, equal values of two columns or of two projects have different pseudonyms.

    Source: RFC 5869 (the expansion of a key by HMAC).

    Examples
    --------
    >>> key = separated(b"0123456789abcdef", "clinic")
    >>> key("patient") == key("Patient") != key("doctor")
    True
    """
    return lambda column: hmac.digest(key, b"\0".join([SEPARATED, project.encode(), folded(column).encode()]), "sha256")


class PrivateRows:
    """Makes the chunks of a delivery private, and counts the columns that the spec does not name.

    Parameters
    ----------
    privacy : Privacy
        The rules. With any column to hide, columns that are not known are left out: a value may be in a column of
        another name, or be such a name itself where a file has no header.
    key : bytes or function
        The key of the pseudonyms: of all, or of a column by its name.
    known : sequence of str
        The columns that the spec names.
    """

    def __init__(self, privacy: Privacy, key: bytes | KeyOf, known: Sequence[str]) -> None:
        self._privacy, self._key = privacy, key
        self._known = {folded(name) for name in [*known, *privacy.drop]}
        self.left_out: set[str] = set()

    def __call__(self, chunk: Chunk) -> Chunk:
        """Return the next chunk without what must not be kept."""
        if self._privacy.is_set:
            names = list(chunk.column_names if isinstance(chunk, pa.Table) else chunk.columns)
            unknown = [name for name in names if folded(name) not in self._known]
            self.left_out.update(unknown)
            if len(unknown) == len(names):  # rows without columns are still counted, which a table cannot do
                return pd.DataFrame(index=pd.RangeIndex(len(chunk)))
            chunk = chunk.drop_columns(unknown) if isinstance(chunk, pa.Table) else chunk.drop(columns=unknown)
        return private_chunk(chunk, self._privacy, self._key)

    def detail(self, unreadable: Unreadable) -> Unreadable:
        """Return why a delivery is unreadable, without what is quoted from it."""
        if not self._privacy.is_set or unreadable.reason not in QUOTING:
            return unreadable
        return Unreadable(unreadable.reason, "where is not shown, because it may be a value; `privacy` is set")


def private(frame: pd.DataFrame, privacy: Privacy, key: bytes | KeyOf) -> pd.DataFrame:
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
        kept[name] = _pseudonyms(kept[name], _key_of(name, key))
    return kept


def private_chunk(chunk: Chunk, privacy: Privacy, key: bytes | KeyOf) -> Chunk:
    """Return a chunk of a delivery as `private` returns it."""
    if isinstance(chunk, pd.DataFrame):
        return private(chunk, privacy, key)
    kept = chunk.drop_columns(_named(chunk.column_names, privacy.drop))
    for name in _named(kept.column_names, privacy.pseudonymise):
        index = kept.column_names.index(name)
        hashed = _pseudonyms(frame_of_table(kept.select([name]))[name], _key_of(name, key))
        kept = kept.set_column(index, name, pa.array(hashed, pa.string(), from_pandas=True))
    return kept


def _key_of(column: str, key: bytes | KeyOf) -> bytes:
    return key if isinstance(key, bytes) else key(column)


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
