"""What a service may say that it has seen: counts that can be."""

from __future__ import annotations

import pytest

from tasks.errors import EvidenceError
from tasks.rollout import LandedEvidence, read_evidence
from tasks.rollout.rollout_terms import NOTHING_SEEN


@pytest.mark.parametrize("count", [-1, 2**53, 10**400, 1.5, True, "3", None])
def test_a_count_that_cannot_be_is_refused_whatever_its_size(count: object) -> None:
    seen = {**NOTHING_SEEN.to_dict(), "rows": count}
    landed = LandedEvidence(
        protocol=1, project="shop", rollout="2-ab", service="a", stage=0, slots=1, at=0.0, seen=seen
    )
    with pytest.raises(EvidenceError, match="numbers that cannot be"):
        _ = landed.sums


def test_a_file_with_a_number_of_hundreds_of_digits_is_evidence_that_is_refused() -> None:
    landed = LandedEvidence(
        protocol=1, project="shop", rollout="2-ab", service="a", stage=0, slots=1, at=0.0, seen=NOTHING_SEEN.to_dict()
    )
    content = landed.to_json().replace(b'"rows":0', b'"rows":' + b"9" * 401)
    with pytest.raises(EvidenceError):
        _ = read_evidence(content).sums
