"""A signed document: a line with an Ed25519 signature in base64, then the content.

The signature is of the purpose, a NUL and the content, so that a document cannot be used for another purpose.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.errors import EvidenceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def sign_document(content: bytes, purpose: str, private: Ed25519PrivateKey) -> bytes:
    """Return a content with its signature.

    Examples
    --------
    >>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    >>> key = Ed25519PrivateKey.generate()
    >>> document = sign_document(b"{}", "a demo", key)
    >>> read_document(document, "a demo", [key.public_key()])
    b'{}'
    >>> read_document(document, "another demo", [key.public_key()])
    Traceback (most recent call last):
    tasks.errors.EvidenceError: 'another demo' is signed by none of the 1 trusted keys; publish it again.
    """
    return base64.b64encode(private.sign(_signed(content, purpose))) + b"\n" + content


def read_document(document: bytes, purpose: str, trusted: Sequence[Ed25519PublicKey]) -> bytes:
    """Return the content of a document.

    Raises
    ------
    EvidenceError
        When no trusted key signed it for this purpose.
    """
    from cryptography.exceptions import InvalidSignature

    line, _, content = document.partition(b"\n")
    try:
        signature = base64.b64decode(line, validate=True)
    except binascii.Error:
        signature = b""
    for key in trusted:
        try:
            key.verify(signature, _signed(content, purpose))
        except InvalidSignature:
            continue
        return content
    raise EvidenceError(f"{purpose!r} is signed by none of the {len(trusted)} trusted keys; publish it again.")


def _signed(content: bytes, purpose: str) -> bytes:
    return purpose.encode() + b"\0" + content
