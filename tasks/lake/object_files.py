"""Whole objects next to the tables: pages and files that are replaced, not appended to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.errors import EvidenceError, Unreachable
from tasks.whole_file import private_folder, write_whole

MOVED = "moved"
COMMITS = "decisions/_delta_log/"
"""The mark that a folder was copied whole."""


def write_object(
    root: str, options: Mapping[str, str], path: str, content: bytes, *, virtual_addressing: bool = False
) -> None:
    """Write an object below a root; a reader gets the old one or the new one, never a part of one.

    In a folder, only its owner can read it, and it is on the disk once this returns.

    Parameters
    ----------
    root : str
        A folder, or `s3://bucket/prefix`.
    options : mapping of str to str
        The lake's storage options.
    path : str
        Path below the root, separated by `/`.
    virtual_addressing : bool
        See `file_system`.
    """
    if not root.startswith("s3://"):
        whole = Path(root) / path
        private_folder(whole.parent)
        write_whole(whole, content)
        return
    system, folder = file_system(root, options, virtual_addressing=virtual_addressing)
    with system.open_output_stream(f"{folder}/{path}") as stream:
        stream.write(content)


def read_object(
    root: str,
    options: Mapping[str, str],
    path: str,
    *,
    virtual_addressing: bool = False,
    most_bytes: int | None = None,
) -> bytes | None:
    """Return an object below a root, or None where there is none; see `write_object`.

    Raises
    ------
    EvidenceError
        When it has more than `most_bytes`.
    """
    from pyarrow import fs

    system, folder = file_system(root, options, virtual_addressing=virtual_addressing)
    whole = f"{folder}/{path}"
    found = system.get_file_info(whole)
    if found.type != fs.FileType.File:
        return None
    if most_bytes is not None and found.size > most_bytes:
        raise EvidenceError(f"{root}/{path} has {found.size:,} bytes, and at most {most_bytes:,} are expected.")
    with system.open_input_stream(whole) as stream:
        return bytes(stream.read() if most_bytes is None else stream.read(most_bytes))


def remove_object(root: str, options: Mapping[str, str], path: str) -> None:
    """Remove an object below a lake's root, if there is one; see `write_object`."""
    from pyarrow import fs

    system, folder = file_system(root, options)
    if system.get_file_info(f"{folder}/{path}").type == fs.FileType.File:
        system.delete_file(f"{folder}/{path}")


def move_folder(root: str, options: Mapping[str, str], old: str, new: str) -> None:
    """Move a folder below a lake's root; it may be interrupted at any point, and repeated.

    In a folder it is one step. An object store has none: everything is copied, then a mark is written, then the former
    objects are removed. Without the mark the copy is made again, and with it only the removal goes on. The commits of
    the decision record are copied last, the oldest first, and removed first, the newest first: whenever it is
    interrupted, either record can be read.

    Raises
    ------
    Unreachable
        When the store does not answer.
    """
    from pyarrow import fs

    try:
        if not root.startswith("s3://"):
            if (Path(root) / old).is_dir():
                (Path(root) / old).rename(Path(root) / new)
            return
        system, folder = file_system(root, options)
        found = system.get_file_info(fs.FileSelector(f"{folder}/{old}", recursive=True, allow_not_found=True))
        of_files = (each.path for each in found if each.type == fs.FileType.File)
        paths = sorted(of_files, key=lambda path: (path.startswith(f"{folder}/{old}/{COMMITS}"), path))
        mark = f"{folder}/{new}/objects/{MOVED}"
        if paths and system.get_file_info(mark).type != fs.FileType.File:
            for path in paths:
                system.copy_file(path, f"{folder}/{new}/{path.removeprefix(f'{folder}/{old}/')}")
            with system.open_output_stream(mark) as stream:
                stream.write(old.encode())
        for path in reversed(paths):
            system.delete_file(path)
        if system.get_file_info(mark).type == fs.FileType.File:
            system.delete_file(mark)
    except OSError as error:
        raise Unreachable(f"moving {root}/{old} to {new} failed: {error}; run the command again") from error


def listed(root: str, options: Mapping[str, str], *, virtual_addressing: bool = False) -> list[Any]:
    """Return what is in a folder, as pyarrow describes it; nothing where there is no folder.

    Raises
    ------
    Unreachable
        When the store does not answer.
    """
    from pyarrow import fs

    system, folder = file_system(root, options, virtual_addressing=virtual_addressing)
    try:
        return list(system.get_file_info(fs.FileSelector(folder, allow_not_found=True)))
    except OSError as error:
        raise Unreachable(f"listing {root} failed: {error}; is the store up?") from error


def file_system(root: str, options: Mapping[str, str], *, virtual_addressing: bool = False) -> tuple[Any, str]:
    """Return the file system of a root, as pyarrow has it, and the path of the root in it.

    Parameters
    ----------
    root : str
        A folder, or `s3://bucket/prefix`.
    options : mapping of str to str
        As `s3_options` returns them.
    virtual_addressing : bool
        Whether the bucket is a part of the host's name.
    """
    from pyarrow import fs

    if not root.startswith("s3://"):
        return fs.LocalFileSystem(), root.rstrip("/")
    endpoint = options.get("aws_endpoint", "")
    system = fs.S3FileSystem(
        endpoint_override=endpoint.split("://")[-1] or None,
        scheme="http" if endpoint.startswith("http://") else "https",
        region=options.get("aws_region"),
        force_virtual_addressing=virtual_addressing,
    )
    return system, root.removeprefix("s3://").rstrip("/")


def s3_options(environment: Mapping[str, str], endpoint: str | None = None) -> dict[str, str]:
    """Return the storage options for S3, from the usual AWS variables; keys are read by the clients themselves.

    Parameters
    ----------
    endpoint : str, optional
        Address of an S3-compatible store that goes before the environment's.

    Examples
    --------
    >>> s3_options({})
    {'aws_conditional_put': 'etag', 'aws_region': 'us-east-1'}
    >>> s3_options({"AWS_ENDPOINT_URL": "http://store:9000"})["aws_allow_http"]
    'true'
    """
    options = {"aws_conditional_put": "etag", "aws_region": environment.get("AWS_REGION", "us-east-1")}
    found = endpoint or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if found:
        options |= {"aws_endpoint": found, "aws_allow_http": str(found.startswith("http://")).lower()}
    return options
