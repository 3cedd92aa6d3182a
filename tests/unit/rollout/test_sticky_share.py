"""An entity stays with one version while the share grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.rollout import is_within, position


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_an_entity_in_a_share_is_in_every_larger_one(key: str, one: float, other: float) -> None:
    place = position(key, "a rollout")
    assert not is_within(place, min(one, other)) or is_within(place, max(one, other))


def test_the_share_of_entities_is_the_share() -> None:
    within = sum(is_within(position(f"customer {number}", "a rollout"), 0.1) for number in range(20_000))
    assert abs(within / 20_000 - 0.1) < 5 * (0.1 * 0.9 / 20_000) ** 0.5


def test_two_rollouts_choose_independently() -> None:
    chosen = [
        {number for number in range(20_000) if is_within(position(str(number), salt), 0.1)} for salt in ("one", "other")
    ]
    assert abs(len(chosen[0] & chosen[1]) / 20_000 - 0.01) < 5 * (0.01 * 0.99 / 20_000) ** 0.5
