"""The manifest: the files of a version with their sha256 and a statement about it, and an Ed25519 signature of both.

1   `about` (project, key) and `files`.
2   `statement` too: see `tasks.registry.statement`. A version of protocol 1 can be loaded, but not promoted.

The format is stable. To change it: raise PROTOCOL, keep a reader for the old number, and add a frozen sealed set of
files to tests/unit/registry.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.errors import EvidenceError
from tasks.registry.statement import Signed, Statement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PROTOCOL = 2
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def checked_name(name: str) -> str:
    """Return a file name that is safe as a path: flat, and starting with a letter or digit.

    >>> checked_name("model.onnx")
    'model.onnx'
    >>> checked_name("../evil")
    Traceback (most recent call last):
    tasks.errors.EvidenceError: file name '../evil' is not allowed; expected a flat name such as 'model.onnx'.
    """
    if not _FILE_NAME.fullmatch(name):
        raise EvidenceError(f"file name {name!r} is not allowed; expected a flat name such as 'model.onnx'.")
    return name


def manifest_bytes(files: Mapping[str, bytes], about: Mapping[str, str], statement: Statement) -> bytes:
    """Return the manifest of some files: JSON with sorted keys, so the same files always give the same bytes.

    Examples
    --------
    The sha256 of nothing is the well-known e3b0c442...

    >>> from datetime import UTC, datetime
    >>> statement = Statement("a run", datetime(2026, 1, 1, tzinfo=UTC))
    >>> text = manifest_bytes({"empty.txt": b""}, {"project": "mine"}, statement).decode()
    >>> print(text[:66])
    {"about":{"project":"mine"},"files":{"empty.txt":{"bytes":0,"sha25
    >>> "e3b0c44298fc1c14" in text
    True
    """
    entries = {
        checked_name(name): {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    whole = {"protocol": PROTOCOL, "about": dict(about), "files": entries, "statement": statement.to_dict()}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def seal(
    files: Mapping[str, bytes], about: Mapping[str, str], private_key: Ed25519PrivateKey, statement: Statement
) -> dict[str, bytes]:
    """Return the files together with their signed manifest.

    Parameters
    ----------
    files : mapping of str to bytes
        At least one file, by flat name; `manifest.json` and `manifest.sig` are reserved.
    about : mapping of str to str
        The purpose of the files (project, key); it is signed too, so that they cannot be used as another version.
    statement : Statement
        The run of the version, the time of signing, and what the training rests on.
    """
    reserved = sorted({MANIFEST, SIGNATURE} & set(files))
    if reserved or not files:
        raise EvidenceError(f"found {reserved or 'no files'} to seal; expected at least one file, none called so.")
    manifest = manifest_bytes(files, about, statement)
    return {**files, MANIFEST: manifest, SIGNATURE: base64.b64encode(private_key.sign(manifest)) + b"\n"}


def verify(
    files: Mapping[str, bytes],
    trusted: Sequence[Ed25519PublicKey],
    about: Mapping[str, str],
    only: Collection[str] | None = None,
) -> Signed:
    """Raise EvidenceError unless the files are exactly those that a trusted key signed for this purpose.

    Parameters
    ----------
    only : collection of str, optional
        The names of files that must be there; by default, all that the manifest lists.

    Returns
    -------
    Signed
        The digest of the manifest, and its statement.
    """
    manifest = _read_manifest(files, trusted, about)
    content_files = {name: content for name, content in files.items() if name not in {MANIFEST, SIGNATURE}}
    listed = manifest["files"]
    faults = _differences(
        content_files, listed if only is None else {name: listed[name] for name in only if name in listed}
    )
    if faults:
        raise EvidenceError(
            f"the files differ from their signed {MANIFEST}: {'; '.join(faults)}. Register a new version."
        )
    return _signed(files[MANIFEST], manifest)


def verify_manifest(
    files: Mapping[str, bytes], trusted: Sequence[Ed25519PublicKey], about: Mapping[str, str]
) -> Signed:
    """Return what a manifest signs, without the files that it lists; raise EvidenceError as `verify` does."""
    return _signed(files[MANIFEST], _read_manifest(files, trusted, about))


def _signed(content: bytes, manifest: Mapping[str, Any]) -> Signed:
    statement = manifest.get("statement")
    return Signed(hashlib.sha256(content).hexdigest(), None if statement is None else Statement.from_dict(statement))


def _read_manifest(
    files: Mapping[str, bytes], trusted: Sequence[Ed25519PublicKey], about: Mapping[str, str]
) -> dict[str, Any]:
    """Return the content of a manifest; its signature is verified before it is read."""
    for name in (MANIFEST, SIGNATURE):
        if name not in files:
            raise EvidenceError(f"{name} is missing, found {sorted(files)}; the version was not registered by Leeway.")
    if not _is_signed(files[MANIFEST], files[SIGNATURE], trusted):
        raise EvidenceError(
            f"{MANIFEST} is signed by none of the {len(trusted)} trusted keys. Either the version was changed, or it "
            "was signed on another machine: put that machine's signing.pub.pem, renamed, into this one's keys folder."
        )
    manifest: dict[str, Any] = json.loads(files[MANIFEST])
    if manifest["protocol"] not in range(1, PROTOCOL + 1):
        raise EvidenceError(
            f"{MANIFEST} has protocol {manifest['protocol']}; this version of Leeway reads {PROTOCOL}: upgrade it."
        )
    if manifest["about"] != dict(about):
        raise EvidenceError(
            f"{MANIFEST} is about {manifest['about']}; expected {dict(about)}: the files belong to another version."
        )
    return manifest


def _is_signed(manifest: bytes, signature: bytes, trusted: Sequence[Ed25519PublicKey]) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except binascii.Error:
        return False
    for key in trusted:
        try:
            key.verify(raw, manifest)
        except InvalidSignature:
            continue
        return True
    return False


def _differences(present: Mapping[str, bytes], entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    missing = [f"{name} is missing" for name in sorted(set(entries) - set(present))]
    extra = [f"{name} is extra" for name in sorted(set(present) - set(entries))]
    changed = [
        f"{name} has changed"
        for name in sorted(set(entries) & set(present))
        if hashlib.sha256(present[name]).hexdigest() != entries[name]["sha256"]
    ]
    return [*missing, *extra, *changed]
