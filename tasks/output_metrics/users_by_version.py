"""The users of a candidate and of the champion in a canary, from the prediction log: who got which version, and when.

Which version a user gets is drawn by chance: by entity, or by request where the rollout has no entity. So an entity is
one user, however many rows it has, and it is drawn once. In the next stage the share is larger: some of those who had
the champion get the candidate, again by chance, and those who had the candidate keep it. So an entity counts once in
each stage, with its rows of one day, until it has had the candidate.

A request with several users is answered by the candidate only if all of them belong to it, which its size decides too:
under a small share nearly never. So its rows say nothing of the versions, and are left out.

Users are compared as they were drawn (by intention to treat), whichever version has answered them. The champion answers
for a candidate that fails, or that has no changed answers left: these are no users drawn by chance, so by their answers
both groups would be selected.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.records import RolloutEntry
from tasks.serving_store.logged_rows import LoggedAnswer, logged_answers, whole_lines

DRAWN = 6
"""The protocol from which on a line of the log has the entity that was drawn."""
LOGGED_COLUMNS = ["row_id", "time", "digest", "arm", "user"]


def logged_users(content: bytes, entity: str) -> pd.DataFrame:
    """Return who asked for each row of a file of the prediction log: its entity as it was drawn, or else its request.

    A line of before protocol 6 does not say which entity was drawn, so the one counts that the client has sent.

    Rows of requests with several users are left out.

    Parameters
    ----------
    entity : str
        The column of the rollout; empty where chance decides on each request.

    Raises
    ------
    EvidenceError
        When a line has no answer.
    """
    answers = logged_answers(content)
    named = [msgspec.json.decode(line).get(entity) if entity else None for line in whole_lines(content)]
    rows = [
        (one.row_id, one.time, one.digest, one.arm, _user(one, name)) for one, name in zip(answers, named, strict=True)
    ]
    found = pd.DataFrame(rows, columns=LOGGED_COLUMNS)
    requests = [one.request for one in answers]  # a client may give the same id to several, but not at one time
    return found[found.groupby([requests, "time"])["user"].transform("nunique") == 1]


def _user(answer: LoggedAnswer, name: object) -> str:
    drawn = answer.user if answer.protocol >= DRAWN else name
    return f"request {answer.request}" if drawn in (None, "") else f"entity {drawn}"


def users_by_version(logged: pd.DataFrame, steps: Sequence[RolloutEntry]) -> pd.DataFrame:
    """Return the rows of the users that are compared, with `stage`, `user`, `is_candidate` and `time`.

    Parameters
    ----------
    logged : DataFrame
        `row_id`, `time`, `digest`, `arm` and `user` of the log, see `logged_users`, and the `event_date` of each row.
        Where the arm is not known, that of the version that has answered counts.
    steps : sequence of RolloutEntry
        The steps of the rollout, oldest first.
    """
    versions = {steps[0].digest: True, steps[0].champion_digest: False}
    own = logged[logged["digest"].isin(versions) & (logged["arm"] != "none")].copy()
    own["time"] = pd.to_datetime(own["time"], utc=True, format="ISO8601")
    own = own.sort_values("time", kind="stable").drop_duplicates("row_id", keep="last")
    begun = pd.DatetimeIndex(pd.to_datetime([step.time for step in steps], utc=True))
    own["stage"] = begun.searchsorted(own["time"], side="right") - 1
    shares = np.array([0.0, *(step.share for step in steps)])[own["stage"] + 1]
    by_digest = own["digest"].map(versions).astype(bool)
    own["is_candidate"] = by_digest.where(own["arm"] == "unknown", own["arm"] == "candidate")
    own = own[(shares > 0) & (shares < 1)]
    first_days = own.groupby(["stage", "user"])["event_date"].transform("first")
    own["is_candidate"] = own.groupby(["stage", "user"])["is_candidate"].transform("max").astype(bool)
    had = own[own["is_candidate"]].groupby("user")["stage"].min()
    again = own["stage"] > own["user"].map(had).fillna(np.inf)
    return own[(own["event_date"] == first_days) & ~again].drop(columns=["digest", "arm"])


def days_of(users: pd.DataFrame, counted: pd.Series) -> list[tuple[FloatArray, FloatArray]]:
    """Return, of each day of a stage, the values of the candidate's users and of the champion's, in the order of time.

    Parameters
    ----------
    users : DataFrame
        See `users_by_version`.
    counted : Series
        Whether each row counts; of a user with several rows, the share of them.

    Examples
    --------
    >>> rows = {"stage": 2, "event_date": "monday", "user": ["a", "a", "b"], "is_candidate": [True, True, False]}
    >>> users = pd.DataFrame(rows | {"time": [1, 2, 3]})
    >>> [(one.tolist(), other.tolist()) for one, other in days_of(users, pd.Series([True, False, True]))]
    [([0.5], [1.0])]
    """
    keys = ["stage", "event_date", "user", "is_candidate"]
    valued = users.assign(value=counted.astype(float)).groupby(keys, sort=False).agg({"time": "min", "value": "mean"})
    days = valued.reset_index().sort_values("time", kind="stable").groupby(["stage", "event_date"], sort=True)
    return [
        (
            day.loc[day["is_candidate"], "value"].to_numpy(np.float64),
            day.loc[~day["is_candidate"], "value"].to_numpy(np.float64),
        )
        for _, day in days
    ]
