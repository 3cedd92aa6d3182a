"""A run that failed: whether to notify again, and what the message may say. No traceback, no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from tasks.errors import Error
from tasks.render.safe_text import visible

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
CREDENTIALS = re.compile(r"://[^/\s]+@")  # up to the last @ before the path: a password may have one
PARAMETER = re.compile(r"([?&][^=&\s]*(?:key|token|secret|passw|credential|auth|sig)[^=&\s]*=)[^&\s#]+", re.IGNORECASE)
SHORTEST_SECRET = 6
CHARACTERS = 600
HIDDEN = "[hidden]"


@dataclass(frozen=True, slots=True)
class Past:
    """The failed runs of the same deployment before this one.

    `previous` is when the newest of them began, `first` when the oldest since the last completed run began;
    `recovered` is True where a run completed after `previous`.
    """

    previous: datetime | None = None
    first: datetime | None = None
    recovered: bool = False


def failure_is_due(now: datetime, past: Past, remind_days: int) -> bool:
    """Return whether to notify: of the first failure, the first of a day after a recovery, and as a reminder.

    Runs that fail and complete in turns, every minute, notify once a day.

    Examples
    --------
    >>> from datetime import UTC
    >>> day = [datetime(2026, 1, day, 2, tzinfo=UTC) for day in range(1, 31)]
    >>> failure_is_due(day[0], Past(), 7)
    True
    >>> [failure_is_due(day[later], Past(day[later - 1], day[0]), 7) for later in (1, 6, 7, 8)]
    [False, False, True, False]
    >>> failure_is_due(day[3], Past(day[1], recovered=True), 7), failure_is_due(day[3], Past(day[3], recovered=True), 7)
    (True, False)
    """
    if past.previous is None:
        return True
    if past.recovered or past.first is None:
        return now.date() != past.previous.date()
    period = timedelta(days=remind_days)
    return (now - past.first) // period > (past.previous - past.first) // period


def cause(error: BaseException | None, secrets: Mapping[str, str]) -> str:
    """Return what a message may say of an error: the text of one of ours, only the type of any other.

    Parameters
    ----------
    error : BaseException or None
        None when the run's process ended without an error.
    secrets : mapping of str to str
        The environment: the value of a variable with the name of a secret is hidden.

    Examples
    --------
    >>> from tasks.errors import Unreachable
    >>> cause(Unreachable("no answer from postgresql://me:pw@db/x with 123456"), {"DB_PASSWORD": "123456"})
    'Unreachable: no answer from postgresql://[hidden]@db/x with [hidden]'
    >>> cause(ValueError("row 7 of Mr Smith"), {})
    'ValueError (its text is in the log of the run, since it may hold data)'
    >>> cause(None, {})
    'its process ended without an error: it was killed, out of memory, or the machine is gone'
    """
    if error is None:
        return "its process ended without an error: it was killed, out of memory, or the machine is gone"
    kind = type(error).__name__
    if not isinstance(error, Error):
        return f"{kind} (its text is in the log of the run, since it may hold data)"
    return f"{kind}: {hidden(visible(str(error)), secrets)[:CHARACTERS]}"


def hidden(text: str, secrets: Mapping[str, str]) -> str:
    """Return a text without the values of secret variables and without the credentials and tokens of an address.

    >>> hidden("s3://k:v@host abcdef", {"MY_TOKEN": "abcdef", "HOME": "host"})
    's3://[hidden]@host [hidden]'
    >>> hidden("http://me:p@ss@host/a?token=t1&n=2", {})
    'http://[hidden]@host/a?token=[hidden]&n=2'
    """
    values = [value for name, value in secrets.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return PARAMETER.sub(rf"\g<1>{HIDDEN}", CREDENTIALS.sub(f"://{HIDDEN}@", text))


def parts_of_address(address: str) -> dict[str, str]:
    """Return the parts of a notification address that may be secret, as named by a variable, for `hidden`.

    Examples
    --------
    >>> list(parts_of_address("slack://T1/B123456/abcdefgh?to=me").values())
    ['slack://T1/B123456/abcdefgh?to=me', 'B123456', 'abcdefgh']
    """
    parts = re.split(r"[/?&=:@#]+", address)[1:]
    parts += [unquote(part) for part in parts]
    secret = dict.fromkeys([address, *(part for part in parts if len(part) >= SHORTEST_SECRET)])
    return {f"ADDRESS_SECRET_{number}": part for number, part in enumerate(secret)}
