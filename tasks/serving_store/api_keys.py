"""API keys: who may call the prediction service. Only the sha256 of a key is stored.

The keys are random, so their digests cannot be guessed; the file still belongs to its owner alone.
"""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest
from pathlib import Path
from typing import Literal

import msgspec

from tasks.errors import EvidenceError
from tasks.whole_file import write_whole

FILE = "api_keys.json"
PREFIX = "leeway_"
Scope = Literal["predict", "labels", "admin"]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key: its name, the sha256 of its text, and what it may do; without `projects`, in all projects."""

    name: str
    sha256: str
    scopes: tuple[Scope, ...] = ("predict",)
    projects: tuple[str, ...] = ()

    def allows(self, scope: Scope, project: str) -> bool:
        """Return whether the key may be used for this.

        >>> key = ApiKey(name="shop", sha256="", projects=("house-prices",))
        >>> key.allows("predict", "house-prices"), key.allows("labels", "house-prices"), key.allows("predict", "other")
        (True, False, False)
        """
        return scope in self.scopes and (not self.projects or project in self.projects)


class ApiKeys(msgspec.Struct, frozen=True):
    """All keys of a home."""

    keys: tuple[ApiKey, ...] = ()

    def find(self, text: bytes) -> ApiKey | None:
        """Return the key of a text; every stored digest is compared, in constant time.

        >>> key, text = new_key("shop")
        >>> ApiKeys((key,)).find(text.encode()).name, ApiKeys((key,)).find(b"another")
        ('shop', None)
        """
        digest = hashlib.sha256(text).hexdigest()
        found = None
        for key in self.keys:
            if compare_digest(key.sha256, digest):
                found = key
        return found


def new_key(name: str, scopes: tuple[Scope, ...] = ("predict",), projects: tuple[str, ...] = ()) -> tuple[ApiKey, str]:
    """Return a new key, and its text, which is shown once and not stored."""
    text = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ApiKey(name=name, sha256=digest, scopes=scopes, projects=projects), text


def read_keys(root: Path) -> ApiKeys:
    """Return the keys of a serving folder; none if there is no file.

    Raises
    ------
    EvidenceError
        When the file is damaged.
    """
    try:
        content = (root / FILE).read_bytes()
    except FileNotFoundError:
        return ApiKeys()
    return keys_of(content, str(root / FILE))


def keys_of(content: bytes, source: str) -> ApiKeys:
    """Return the keys of a file or variable.

    Raises
    ------
    EvidenceError
        When it is damaged.

    Examples
    --------
    >>> keys_of(b'{"keys":[{"name":"shop","sha256":"5f"}]}', "a file").keys[0].scopes
    ('predict',)
    """
    try:
        return msgspec.json.decode(content, type=ApiKeys)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"{source} is damaged ({error}); remove it and create the keys again.") from error


def write_keys(root: Path, keys: ApiKeys) -> None:
    """Write the keys as a whole, readable by their owner only."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(root / FILE, msgspec.json.encode(keys))
