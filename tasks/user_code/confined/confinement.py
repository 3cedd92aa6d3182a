"""What a process that runs a project's own code gives up before it does: rights that it never gets back.

- It gains no rights by starting a program (`PR_SET_NO_NEW_PRIVS`), and dumps no memory, which has rows, to disk.
- Its memory is limited, and what else `ProcessLimits` says.
- Of the capabilities of root it keeps only that to read and write any file.
- On Linux with Landlock it may neither read nor change the files of a folder that is hidden from it, such as the home
  with its keys. It may not read the memory and the environment of other processes, nor send them signals.
- Where it needs no network, it gets an empty one of its own if the kernel lets it, and by Landlock 4 no TCP connection.

All of this comes before any other code is imported, so libraries cannot have kept what is given up.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) knows only what is allowed, so everything next to the
hidden folders is. What appears there later is not, so files for a short time need a folder that exists before.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tasks.user_code.confined.process_limits import ProcessLimits, limit_process

PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION = 0x20080522
FILE_CAPABILITIES = 0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
VERSION_ASKED, BENEATH_A_PATH = 1, 1
FILE_RIGHTS = 0b110 | 1 << 14  # to write, to read, and to shorten a file
RIGHTS = FILE_RIGHTS | 0b11 << 4 | 0b11 << 7 | 0b11 << 12  # also to remove, make, link and move files and folders
RIGHTS_SINCE = {1 << 13: 2, 1 << 14: 3}  # the version of Landlock that has them
SCOPES = 0b11  # abstract sockets and signals
SCOPES_SINCE = 6  # the version of Landlock that has them
TCP_RIGHTS = 0b11  # to listen and to connect
TCP_RIGHTS_SINCE = 4
NEW_NETWORK, NEW_USERS = 0x40000000, 0x10000000  # unshare(2)


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


SECRET_FOLDERS = ("/run/secrets", "/var/run/secrets")
SECRETS_OF_A_USER = (".aws", ".ssh", ".kube")
"""Where secrets are by custom."""


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has; 0 without it."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, 0, VERSION_ASKED)))


def confine(hidden: Sequence[Path], visible: Sequence[Path], limits: ProcessLimits) -> None:
    """Give up the rights that running foreign code does not need.

    Parameters
    ----------
    hidden : sequence of Path
        Folders of which no file can be read or changed from now on.
    visible : sequence of Path
        Folders that can be used even if they are in a hidden one.

    Raises
    ------
    OSError
        The kernel refuses it.
    """
    limit_process(limits)
    if sys.platform != "linux":
        return
    libc = _libc()
    if not limits.has_network and libc.unshare(NEW_NETWORK) != 0:
        libc.unshare(NEW_USERS | NEW_NETWORK)  # not every system lets a user do this: then Landlock is what there is
    _require(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    _drop_capabilities(libc)
    if not (version := landlock_version()):
        return
    has_scopes = version >= SCOPES_SINCE
    rights = RIGHTS & ~sum(right for right, since in RIGHTS_SINCE.items() if version < since)
    tcp = TCP_RIGHTS if version >= TCP_RIGHTS_SINCE and not limits.has_network else 0
    rules = _Ruleset(rights, tcp, SCOPES if has_scopes else 0)
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), 24 if has_scopes else 16 if tcp else 8, 0)
    _require(ruleset >= 0)
    # A folder that is not there hides nothing, and next to it files could not be made.
    there = [path for path in hidden if os.access(path, os.F_OK)]
    for path in [*allowed_paths(Path("/"), there), *visible]:
        _allow(libc, ruleset, path, rights)
    _require(libc.syscall(RESTRICT_SELF, ruleset, 0) == 0)
    os.close(ruleset)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def allowed_paths(folder: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """Yield the paths below a folder that together have everything but what is hidden.

    Parameters
    ----------
    hidden : sequence of Path
        Absolute paths without links.
    """
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # what cannot be listed is not allowed either
        return
    for path in inside:
        if path in hidden or path.is_symlink():  # a link has no rule: that of its target counts
            continue
        if any(other.is_relative_to(path) for other in hidden):
            yield from allowed_paths(path, hidden)
        else:
            yield path


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up what root may do more than other users, such as to read the environment of any process.

    It stays able to read and write its files.
    """
    held = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable ones: the first 32, then the others
    header = ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION, 0))
    _require(libc.capget(header, held) == 0)
    kept = held[1] & FILE_CAPABILITIES
    _require(libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)) == 0)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it is gone, or closed to this user
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(folder).st_mode)
        rule = _Beneath(rights if is_folder else rights & FILE_RIGHTS, folder)
        libc.syscall(ADD_RULE, ruleset, BENEATH_A_PATH, ctypes.byref(rule), 0)
    finally:
        os.close(folder)


def _require(succeeded: bool) -> None:
    if not succeeded:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def hidden_folders(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the folders with keys and with rows of other projects, and those where secrets are by custom.

    >>> list(map(str, hidden_folders(Path("home"), {"LEEWAY_LAKE": "s3://bucket", "HOME": "/me"})))[:4]
    ['home', '/run/secrets', '/var/run/secrets', '/me/.aws']
    """
    lake, user = environ.get("LEEWAY_LAKE", ""), environ.get("HOME", "")
    return [
        home,
        *([Path(lake)] if lake and "://" not in lake else []),
        *map(Path, SECRET_FOLDERS),
        *([Path(user) / name for name in SECRETS_OF_A_USER] if user else []),
    ]
