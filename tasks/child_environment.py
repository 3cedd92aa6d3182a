"""The environment of processes that must not know a secret: variables that are named here, and no other."""

from __future__ import annotations

from collections.abc import Mapping

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONHASHSEED", "TMPDIR", "VIRTUAL_ENV")
"""Variables that none of our programs reads a secret from."""


def without_secrets(environ: Mapping[str, str], *more: str) -> dict[str, str]:
    """Return the variables of an environment that have no secret.

    Parameters
    ----------
    more : str
        Names that are passed on in addition to `PASSED_ON`.

    Examples
    --------
    >>> without_secrets({"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "x", "OMP_NUM_THREADS": "1"}, "OMP_NUM_THREADS")
    {'PATH': '/bin', 'OMP_NUM_THREADS': '1'}
    """
    return {name: environ[name] for name in (*PASSED_ON, *more) if name in environ}
