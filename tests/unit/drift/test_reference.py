"""The reference: its periods, its bytes."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.drift import PROTOCOL, build_reference, from_bytes, to_bytes
from tasks.drift.measures.score_layout import LAYOUT
from tasks.errors import DataError
from tasks.profiles import Axis, Ruler, TableProfile, profile

FROZEN = Path(__file__).parent / "frozen"
RULER = Ruler({"x": Axis(2.0, 1.0)}, ("plan",))
FIRST = profile(pd.DataFrame({"x": [1.0, 2.0], "plan": ["a", "b"]}), RULER)
SECOND = profile(pd.DataFrame({"x": [3.0, None], "plan": ["b", None]}), RULER)
THIRD = profile(pd.DataFrame({"x": [9.0], "plan": ["c"]}), RULER)
PERIODS = [("2026-01-12", SECOND), ("2026-01-05", FIRST), ("2026-01-19", THIRD)]


def test_the_total_is_the_sum_of_the_periods() -> None:
    assert build_reference(PERIODS).total == FIRST + SECOND + THIRD


def test_days_are_put_together_until_they_are_as_long_as_a_window() -> None:
    days = [(f"2026-01-{day:02d}", FIRST) for day in range(5, 19)]
    reference = build_reference(days)
    assert len(reference.noise_model(1).period_rows) == 14
    assert reference.noise_model(7).period_rows.tolist() == [14.0, 14.0]
    assert reference.noise_model(7) is reference.noise_model(7)


@pytest.mark.parametrize("protocol", range(1, PROTOCOL + 1))
def test_bytes_frozen_by_every_protocol_are_still_read(protocol: int) -> None:
    old, new = from_bytes((FROZEN / f"reference_{protocol}.bin").read_bytes()), build_reference(PERIODS)
    assert (old.days, old.total.rows) == (new.days, new.total.rows)
    assert np.array_equal(old.sums, new.sums)
    assert np.array_equal(old.rows, new.rows)


def test_every_protocol_has_a_frozen_file() -> None:
    assert [path.name for path in sorted(FROZEN.iterdir())] == [f"reference_{n}.bin" for n in range(1, PROTOCOL + 1)]


def test_the_way_there_and_back_changes_nothing() -> None:
    there = to_bytes(build_reference(PERIODS))
    assert from_bytes(there) == build_reference(PERIODS)
    assert to_bytes(from_bytes(there)) == there


def test_a_year_of_days_and_twenty_columns_stays_below_a_fifth_of_a_megabyte() -> None:
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(20)]
    ruler = Ruler({name: Axis() for name in names})
    some = [profile(pd.DataFrame(rng.normal(size=(500, 20)), columns=names), ruler) for _ in range(25)]
    year = [(str(np.datetime64("2026-01-05") + n), some[n % 25]) for n in range(365)]
    assert len(to_bytes(build_reference(year))) < 200_000


@pytest.mark.parametrize("highest", [1, 255, 256, 2**16, 2**32, 2**53, 0.1])
def test_sums_come_back_exactly_however_large(highest: float) -> None:
    known = build_reference(PERIODS)
    sums = known.sums.copy()
    sums[0, 0] = highest
    other = replace(known, sums=sums)
    assert from_bytes(to_bytes(other)) == other != known


def test_sums_of_another_layout_are_not_taken_for_this_ones() -> None:
    there = to_bytes(build_reference(PERIODS))
    body = bytearray(zlib.decompress(there[6:]))
    body[8:12] = (LAYOUT + 1).to_bytes(4, "little")
    with pytest.raises(
        DataError, match=rf"found a reference of layout {LAYOUT + 1}; this release monitors layout {LAYOUT}"
    ):
        from_bytes(there[:6] + zlib.compress(bytes(body)))


def test_another_file_is_not_taken_for_a_reference() -> None:
    with pytest.raises(DataError, match="at the start of a reference"):
        from_bytes(b"LWPF\x01\x00")


def test_a_newer_protocol_is_refused_with_its_number() -> None:
    with pytest.raises(DataError, match=r"found a reference of PROTOCOL 7; this release reads \[1, 2\]"):
        from_bytes(b"LWRF\x07\x00")


def test_cut_bytes_are_damaged_bytes() -> None:
    whole = to_bytes(build_reference(PERIODS))
    with pytest.raises(DataError, match="damaged"):
        from_bytes(whole[:-1])
    with pytest.raises(DataError, match="damaged"):
        from_bytes(whole[:6] + zlib.compress(zlib.decompress(whole[6:])[:40]))


def test_a_period_given_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"\['2026-01-05'\] were given twice"):
        build_reference([("2026-01-05", FIRST), ("20260105", SECOND)])


@pytest.mark.parametrize("periods", [[], [("2026-01-05", TableProfile.empty(RULER))]])
def test_a_reference_needs_rows(periods: list[tuple[str, TableProfile]]) -> None:
    with pytest.raises(DataError, match="without a row"):
        build_reference(periods)


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="found period 'January'"):
        build_reference([("January", FIRST)])
