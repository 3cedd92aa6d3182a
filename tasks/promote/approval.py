"""Read a person's answer from the approval tag of a version."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.errors import nearest
from tasks.registry.mlflow_names import APPROVAL

ANSWERS = ("approved", "rejected")


def approval(tags: Mapping[str, str]) -> str:
    """Return `waiting`, `approved`, `rejected`, or a sentence about an answer that is not valid.

    Case and outer spaces are ignored in the name and in the value of the tag. Two contradicting tags are not valid.

    Examples
    --------
    >>> approval({"Approval": " APPROVED "}), approval({})
    ('approved', 'waiting')
    >>> approval({"approval": "aproved"})
    "the tag approval is 'aproved'; expected 'approved' or 'rejected'; did you mean 'approved'?"
    """
    answers = sorted({tags[name].strip().casefold() for name in approval_tags(tags)} - {""})
    if not answers:
        return "waiting"
    if len(answers) > 1:
        return f"there are two tags approval with {' and '.join(map(repr, answers))}; delete the wrong one"
    if answers[0] in ANSWERS:
        return answers[0]
    hint = nearest(answers[0], list(ANSWERS))
    return f"the tag approval is {answers[0][:80]!r}; expected 'approved' or 'rejected'{hint}"


def approval_tags(tags: Mapping[str, str]) -> list[str]:
    """Return the names of all tags that are an answer.

    >>> approval_tags({" Approval": "approved", "leeway.kind": "concept"})
    [' Approval']
    """
    return sorted(name for name in tags if name.strip().casefold() == APPROVAL)
