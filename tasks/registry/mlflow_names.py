"""The names that Leeway uses in MLflow: tags of versions and runs, aliases, and checks of valid names."""

from __future__ import annotations

import re

from tasks.errors import DataError

APPROVAL = "approval"
"""The tag that a person sets: `approved` or `rejected`."""

APPROVER = "approval.by"
"""The person who answered: an account of MLflow, or the user of `leeway approve`."""
ANSWER_REASON = "approval.reason"
"""The reason that the person gave."""

RAISE_DEGREE, RAISED_BY, RAISE_REASON = "degree.raise", "degree.by", "degree.reason"
"""The tags with which a person raises the degree of automation on the page of the champion: to which, who and why."""
RAISE_REFUSED = "degree.refused"
"""Why the degree was not raised; the page sorts tags by name, so this is next to the request."""

KEY = "leeway.key"
"""The reason for a version; a key never has a second version."""
DIGEST = "leeway.digest"
"""The digest of the version's manifest, for people; what counts is the manifest itself."""
VERDICT = "leeway.verdict"
DECISION = "leeway.decision"
KIND = "leeway.kind"
RECIPE = "leeway.recipe"
LOSS = "leeway.loss"
"""The metric of this version and of the champion, shown in the list of versions."""
COMPARED_WITH = "leeway.compared_with"
"""The number of the champion that the version was compared with, or `none`, for people; the manifest signs it."""
PROMOTED = "leeway.promoted"
"""The time at which Leeway made this version champion, for people; the record in the lake decides."""
RESTORED = "leeway.restored"
"""The time at which a rollback made this version champion again."""
BARRED = "leeway.barred"
"""Why this version cannot be promoted (rejected, superseded, rolled back); the record in the lake decides."""
REFUSED = "approval.refused"
"""Why an answer was not followed; the page sorts tags by name, so this is right below the answer."""
TO_TELL = "leeway.to_tell"
"""The decision log entry about a version for which notifications are pending; removed once they are sent."""
SHADOW = "leeway.shadow"
"""The realised error of a waiting version and of the champion on the same rows."""
DEGREE = "leeway.degree"
"""The degree of automation in force, with the error of the audited rows; the record in the lake decides."""
PEOPLE = "leeway.people"
"""How people decide next to the champion: agreement, the error of each, and who is right where they differ."""
ROLLOUT = "leeway.rollout"
"""The last step of the rollout of this version that was announced, for people; the record in the lake decides."""
GUARDRAILS = "leeway.guardrails"
"""What users saw of this version in its canary, next to the champion, as of the last night."""
SERIES = "leeway.series"
"""Marks the long-lived run of one series of metrics."""

SEARCH = "leeway.search"
"""Marks the run with the trials of one search."""

CHAMPION = "champion"
PREVIOUS = "previous"
CHALLENGER = "challenger"

_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_FOREIGN = re.compile(r"[^\w\-. /]", re.ASCII)


def checked_project(project: str) -> str:
    """Return the project's name if it is valid as the name of a model, else raise DataError.

    >>> checked_project("house-prices")
    'house-prices'
    """
    if not _PROJECT.fullmatch(project):
        raise DataError(
            f"project {project!r} cannot be a model's name; expected lower-case letters, digits and dashes, at most 63."
        )
    return project


def checked_key(key: str) -> str:
    """Return the key if it is safe in a search query, else raise DataError.

    >>> checked_key("house-prices/2026-11-20")
    'house-prices/2026-11-20'
    """
    if not _KEY.fullmatch(key):
        raise DataError(f"key {key!r} cannot be used; expected letters, digits and . _ : / @ + -, at most 200.")
    return key


def metric_name(text: str) -> str:
    """Return a name that is valid for metrics and parameters: other characters become `_`, at most 250 are kept.

    >>> metric_name("drift/m² (net)")
    'drift/m_ _net_'
    """
    return _FOREIGN.sub("_", text)[:250]
