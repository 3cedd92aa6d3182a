"""The files of a bundle, compared with their digests before they are used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

DATA_FILE = "bundle.leeway"
MANIFEST_FILE = "manifest.json"
PROTOCOL = 3
FORMAT = "leeway-bundle"


class BundleError(Exception):
    """A bundle is damaged, or does not answer here as it did where it was made."""


def checked_content(data: bytes) -> dict[str, Any]:
    """Return the content of a bundle file, once its digest is that of its first line."""
    head, _, body = data.partition(b"\n")
    words = head.decode("ascii", "replace").split()
    if len(words) != 4 or words[0] != FORMAT:  # noqa: PLR2004 - format, protocol, checksum, digest
        raise BundleError(f"found no bundle: its first line is {head[:40]!r}; copy the bundle again")
    if words[1] != str(PROTOCOL):
        raise BundleError(f"found a bundle of protocol {words[1][:9]}; this runtime reads {PROTOCOL}")
    if hashlib.sha256(body).hexdigest() != words[3]:
        raise BundleError("the bundle has changed since it was written; copy it again")
    content: dict[str, Any] = json.loads(body)
    return content


def check_files(folder: Path) -> None:
    """Compare the files of a bundle with its manifest; its signature is verified by `leeway bundle --verify`."""
    for name, digest in _listed(folder).items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise BundleError(f"{name} has changed since the bundle was written, or is missing; copy the bundle again")


def _listed(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file that the manifest of a folder lists."""
    try:
        content = json.loads((folder / MANIFEST_FILE).read_bytes())
        listed = {name: entry["sha256"] for name, entry in content["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"{MANIFEST_FILE} is missing or damaged ({type(error).__name__}); copy the bundle again"
        ) from error
    if DATA_FILE not in listed:
        raise BundleError(f"{MANIFEST_FILE} does not list {DATA_FILE}; copy the bundle again")
    return listed
