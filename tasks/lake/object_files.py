"""Whole objects beside the tables: pages and files that are replaced, not added to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def write_object(root: str, options: Mapping[str, str], path: str, content: bytes) -> None:
    """Write an object below a lake's root; whoever reads meanwhile has the old one or the new one, never half of one.

    Parameters
    ----------
    root : str
        A folder, or `s3://bucket/prefix`.
    options : mapping of str to str
        The lake's storage options.
    path : str
        Where below the root, parted by `/`.
    """
    from pyarrow import fs

    system, place = file_system(root, options)
    whole = f"{place}/{path}"
    if isinstance(system, fs.LocalFileSystem):
        system.create_dir(whole.rpartition("/")[0])
    part = f"{whole}.part"
    with system.open_output_stream(part) as stream:
        stream.write(content)
    system.move(part, whole)


def file_system(root: str, options: Mapping[str, str]) -> tuple[Any, str]:
    """Return the file system of a lake, as pyarrow has it, and the root's place in it."""
    from pyarrow import fs

    if not root.startswith("s3://"):
        return fs.LocalFileSystem(), root.rstrip("/")
    endpoint = options.get("aws_endpoint", "")
    scheme = "http" if endpoint.startswith("http://") else "https"
    system = fs.S3FileSystem(
        endpoint_override=endpoint.split("://")[-1] or None, scheme=scheme, region=options.get("aws_region")
    )
    return system, root.removeprefix("s3://").rstrip("/")
