"""What a person said about a version, through the one tag that is theirs."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.errors import nearest
from tasks.registry.mlflow_names import APPROVAL

ANSWERS = ("approved", "rejected")


def approval(tags: Mapping[str, str]) -> str:
    """Return `waiting`, `approved`, `rejected`, or a sentence on an answer that is neither.

    Case and spaces do not matter, in the tag's name and in its value; two tags that contradict are no answer.

    Examples
    --------
    >>> approval({"Approval": " APPROVED "}), approval({})
    ('approved', 'waiting')
    >>> approval({"approval": "aproved"})
    "the tag approval says 'aproved'; expected 'approved' or 'rejected'; did you mean 'approved'?"
    """
    said = sorted({tags[name].strip().casefold() for name in approval_tags(tags)} - {""})
    if not said:
        return "waiting"
    if len(said) > 1:
        return f"the tag approval is there twice and says {' and '.join(map(repr, said))}; delete the one not meant"
    if said[0] in ANSWERS:
        return said[0]
    hint = nearest(said[0], list(ANSWERS))
    return f"the tag approval says {said[0][:80]!r}; expected 'approved' or 'rejected'{hint}"


def approval_tags(tags: Mapping[str, str]) -> list[str]:
    """Return the names of all tags that were meant as the answer.

    >>> approval_tags({" Approval": "approved", "leeway.kind": "concept"})
    [' Approval']
    """
    return sorted(name for name in tags if name.strip().casefold() == APPROVAL)
