"""Pairs of keys: from the environment, or else created once in the home.

Two pairs, so that the prediction service cannot sign what a promotion believes: one signs versions, the other signs
packages and routes of the service (LEEWAY_PACKAGE_KEY..., `<home>/keys/packages/`). What follows names the first.

LEEWAY_SIGNING_KEY is the key as PEM text, LEEWAY_SIGNING_KEY_FILE names a file with it; by default the key is
`<home>/keys/signing.pem`. Trusted signatures are those of this key and of every `<home>/keys/*.pub.pem`. To rotate the
key, rename signing.pub.pem (it stays trusted) and remove signing.pem; the next registration creates a new pair.
LEEWAY_VERIFYING_KEY, or the file that LEEWAY_VERIFYING_KEY_FILE names, has public keys for a machine that only
verifies: one or more PEM blocks. No pair is created where it is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import EvidenceError
from tasks.whole_file import private_folder, write_once, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_END_OF_PUBLIC_KEY = b"-----END PUBLIC KEY-----"
_ADVICE = "expected an Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` writes it."


@dataclass(frozen=True)
class Pair:
    """What a pair of keys signs: its variables, and its folder in the home."""

    private: str
    public: str
    folder: str

    @property
    def secrets(self) -> tuple[str, str]:
        """The variables with the private key: what a process that only verifies must not have."""
        return self.private, f"{self.private}_FILE"


VERSIONS = Pair("LEEWAY_SIGNING_KEY", "LEEWAY_VERIFYING_KEY", "keys")
PACKAGES = Pair("LEEWAY_PACKAGE_KEY", "LEEWAY_PACKAGE_VERIFYING_KEY", "keys/packages")


@dataclass(frozen=True)
class Keys:
    """The private key, if this machine may sign, and the trusted public keys."""

    private: Ed25519PrivateKey | None = None
    trusted: tuple[Ed25519PublicKey, ...] = ()

    @property
    def verifying(self) -> Keys:
        """The same trusted keys without the private key."""
        return Keys(None, self.trusted)


class HomeKeys:
    """The trusted public keys of a machine as they are now; no private key is read from the home, and none is made.

    A home that has no key yet trusts none, and the first key is trusted once a retraining has made it.

    Parameters
    ----------
    home, environ, pair
        See `load_keys`.
    """

    private: Ed25519PrivateKey | None = None

    def __init__(self, home: Path, environ: Mapping[str, str], *, pair: Pair = VERSIONS) -> None:
        self._folder = home / pair.folder
        named = _named_by(environ, pair.private)
        own = [_private(*named).public_key()] if named else []
        self.given: tuple[Ed25519PublicKey, ...] = (*own, *_verifying(environ, pair))
        self._stamp: object = None
        self._trusted: tuple[Ed25519PublicKey, ...] = ()

    @property
    def trusted(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys that the environment names, `given`, and those in the folder of the home.

        Raises
        ------
        EvidenceError
            When one cannot be read.
        """
        paths = sorted(self._folder.glob("*.pub.pem"))
        stamp = tuple((path.name, path.stat().st_mtime_ns) for path in paths)
        if stamp != self._stamp:
            self._trusted = (*self.given, *(_public(_content(path), str(path)) for path in paths))
            self._stamp = stamp
        return self._trusted


def load_keys(home: Path, environ: Mapping[str, str], *, pair: Pair = VERSIONS, make: bool = True) -> Keys:
    """Return the keys of this machine.

    Parameters
    ----------
    home : Path
        The home; its folder `keys` has the pairs that no variable names.
    environ : mapping of str to str
        The environment, usually `os.environ`.
    pair : Pair
        Which keys: VERSIONS or PACKAGES.
    make : bool
        Whether a missing pair is created; False for readers. A machine with a verifying key never creates one: other
        machines would not trust what it signs.

    Raises
    ------
    EvidenceError
        When a key is not valid, or users other than its owner can read it.
    """
    folder = home / pair.folder
    verifying = _verifying(environ, pair)
    private = _from_environment(environ, pair) or _from_folder(folder, make=make and not verifying)
    trusted = [*verifying, *(_public(_content(path), str(path)) for path in sorted(folder.glob("*.pub.pem")))]
    if private is not None:
        trusted.insert(0, private.public_key())
    return Keys(private, tuple(trusted))


def _from_environment(environ: Mapping[str, str], pair: Pair) -> Ed25519PrivateKey | None:
    found = _named_by(environ, pair.private)
    return _private(*found) if found else None


def _verifying(environ: Mapping[str, str], pair: Pair) -> list[Ed25519PublicKey]:
    found = _named_by(environ, pair.public)
    if found is None:
        return []
    content, source = found
    blocks = [block.strip() for block in content.split(_END_OF_PUBLIC_KEY)]
    return [_public(block + b"\n" + _END_OF_PUBLIC_KEY, source) for block in (blocks[:-1] or blocks)]


def _named_by(environ: Mapping[str, str], variable: str) -> tuple[bytes, str] | None:
    """Return the content of a variable or of the file that its sibling with _FILE names, and which of both it was."""
    if text := environ.get(variable):
        return text.encode(), variable
    if name := environ.get(f"{variable}_FILE"):
        return _content(Path(name)), name
    return None


def _from_folder(folder: Path, *, make: bool) -> Ed25519PrivateKey | None:
    path = folder / "signing.pem"
    if not path.exists():
        if not make:
            return None
        _make(path)
    if path.stat().st_mode & 0o077:
        raise EvidenceError(f"{path} can be read by others; expected mode 0600: `chmod 600 {path}`.")
    private = _private(_content(path), str(path))
    _write_public(private, folder / "signing.pub.pem")
    return private


def _make(path: Path) -> None:
    """Write a new key, unless another process is first: then that key is used."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private_folder(path.parent)
    write_once(path, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write_public(private: Ed25519PrivateKey, path: Path) -> None:
    pem = public_pem(private.public_key())
    if not path.exists() or path.read_bytes() != pem:
        write_whole(path, pem, 0o644)


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as PEM text."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"the key file {path} cannot be read: {error.strerror}; {_ADVICE}") from error


def _private(pem: bytes, source: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise EvidenceError(f"{source} has no readable private key; {_ADVICE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{source} is a {type(key).__name__}; {_ADVICE}")
    return key


def _public(pem: bytes, source: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise EvidenceError(f"{source} has no readable public key; expected an Ed25519 one in PEM.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"{source} is a {type(key).__name__}; expected an Ed25519 public key in PEM.")
    return key
