"""The words we write into MLflow, in one place: tags on versions and runs, aliases, and what may be a name there."""

from __future__ import annotations

import re

from tasks.errors import DataError

APPROVAL = "approval"
"""The one tag a person sets: `approved` or `rejected`."""

APPROVER = "approval.by"
"""Whose answer it is: an account of MLflow's, or what `leeway approve` knows of the person."""
ANSWER_REASON = "approval.reason"
"""Why, in the person's own words."""

KEY = "leeway.key"
"""What a version was made for; the same key never makes a second version."""
VERDICT = "leeway.verdict"
DECISION = "leeway.decision"
KIND = "leeway.kind"
RECIPE = "leeway.recipe"
LOSS = "leeway.loss"
"""The metric of this version beside the champion's, to be read in the list of versions."""
COMPARED_WITH = "leeway.compared_with"
"""Number of the champion the evidence was made against, or `none`."""
PROMOTED = "leeway.promoted"
"""When Leeway made this version champion."""
RESTORED = "leeway.restored"
"""When a rollback made this version champion again."""
BARRED = "leeway.barred"
"""Why this version may never be promoted (rejected, superseded, rolled back)."""
REFUSED = "approval.refused"
"""Why an answer was not followed; the page sorts tags by name, so it stands right below the answer."""
TO_TELL = "leeway.to_tell"
"""The entry of the record about a version that nobody was told of yet; gone once they were."""
SHADOW = "leeway.shadow"
"""What a waiting version answers in service, beside the champion: its realised error on the same rows."""
SERIES = "leeway.series"
"""Marks the long-lived run that holds one series of numbers."""

SEARCH = "leeway.search"
"""Marks the run that holds the trials of one search."""

CHAMPION = "champion"
PREVIOUS = "previous"
CHALLENGER = "challenger"

_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_FOREIGN = re.compile(r"[^\w\-. /]", re.ASCII)


def checked_project(project: str) -> str:
    """Return the project's name if it can be a model's name, else raise DataError.

    >>> checked_project("house-prices")
    'house-prices'
    """
    if not _PROJECT.fullmatch(project):
        raise DataError(
            f"project {project!r} cannot be a model's name; expected lower-case letters, digits and dashes, at most 63."
        )
    return project


def checked_key(key: str) -> str:
    """Return the key if it can stand in a search of the registry, else raise DataError.

    >>> checked_key("house-prices/2026-11-20")
    'house-prices/2026-11-20'
    """
    if not _KEY.fullmatch(key):
        raise DataError(f"key {key!r} cannot be used; expected letters, digits and . _ : / @ + -, at most 200.")
    return key


def metric_name(text: str) -> str:
    """Return a name MLflow takes for a metric or parameter: foreign characters become `_`, at most 250 remain.

    >>> metric_name("drift/m² (net)")
    'drift/m_ _net_'
    """
    return _FOREIGN.sub("_", text)[:250]
