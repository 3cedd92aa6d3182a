"""Profiles as bytes outlive the release that wrote them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.profiles import PROTOCOL, Axis, NumberProfile, Ruler, TableProfile, digest, from_bytes, profile, to_bytes

FROZEN = Path(__file__).parent / "frozen"
OLD_RULER = Ruler({"price": Axis(100.0, 10.0), "id": Axis(2.0**62, 4.0)}, ("plan",), ("renewed",))
DAY_US = 86_400_000_000.0
RULER = Ruler(
    {"price": Axis(100.0, 10.0, (90.0,)), "id": Axis(2.0**62, 4.0)},
    ("plan",),
    ("renewed",),
)
FRAME = pd.DataFrame(
    {
        "price": [90.0, 100.0, 105.0, np.inf, None, 1e9],
        "id": [2**62 + 1, 2**62 + 3, 2**62 + 3, 2**62 + 9, 2**62, 5],
        "plan": ["basic", "pro", "zażółć", None, "", "pro"],
        "renewed": pd.Series([True, False, None, True, True, False], dtype="boolean"),
        "sold": pd.Series(
            ["2026-11-20T23:59", None, "2026-11-21", "2026-11-21", "1969-12-31", "2026-11-23T07:00"]
        ).astype("datetime64[us]"),
        "note": ["", "zażółć", None, "ok", "ok", "long enough"],
    }
)
DATED_RULER = replace(
    RULER, dates={"built": Axis(10_000 * DAY_US, DAY_US)}, ages={"built": Axis(9_000.0, 300.0, (-1.0,))}
)
MANY = pd.concat([FRAME.assign(price=FRAME["price"] + i / 8, note=f"note {i}") for i in range(20)])


DATED = MANY.assign(
    built=pd.date_range("1999-12-31", periods=len(MANY), freq="61D").where(np.arange(len(MANY)) % 7 > 0),
    event_date=date(2026, 11, 20),
)


def known_to_protocol_1(profile: TableProfile) -> TableProfile:
    columns = {
        name: replace(column, value_counts=None) if isinstance(column, NumberProfile) else column
        for name, column in profile.columns.items()
    }
    return replace(profile, columns=columns)


def test_bytes_frozen_by_protocol_1_are_still_read() -> None:
    frozen = from_bytes((FROZEN / "profile_1.bin").read_bytes())
    assert frozen == known_to_protocol_1(profile(FRAME, OLD_RULER))


def test_what_protocol_1_never_counted_stays_unknown_in_every_sum() -> None:
    frozen = from_bytes((FROZEN / "profile_1.bin").read_bytes())
    assert frozen + profile(FRAME, OLD_RULER) == known_to_protocol_1(profile(pd.concat([FRAME, FRAME]), OLD_RULER))
    assert from_bytes(to_bytes(frozen)) == frozen
    price = frozen.columns["price"]
    assert isinstance(price, NumberProfile)
    assert np.isnan(price.distinct)


@pytest.mark.parametrize("columns", ["", "_columns"], ids=["times and texts, which are skipped", "columns of today"])
@pytest.mark.parametrize(
    ("protocol", "frame", "ruler"), [(2, MANY, RULER), (3, DATED, DATED_RULER)], ids=["PROTOCOL 2", "PROTOCOL 3"]
)
def test_bytes_frozen_by_later_protocols_are_still_read(
    protocol: int, frame: pd.DataFrame, ruler: Ruler, columns: str
) -> None:
    frozen = (FROZEN / f"profile_{protocol}{columns}.bin").read_bytes()
    assert from_bytes(frozen) == profile(frame, ruler)


@pytest.mark.parametrize(
    ("protocol", "frame", "ruler"),
    [pytest.param(2, MANY, RULER, id="no dates"), pytest.param(PROTOCOL, DATED, DATED_RULER, id="dates")],
)
def test_todays_bytes_hold_what_the_frozen_ones_hold(protocol: int, frame: pd.DataFrame, ruler: Ruler) -> None:
    frozen, now = (FROZEN / f"profile_{protocol}_columns.bin").read_bytes(), to_bytes(profile(frame, ruler))
    assert now[:6] == frozen[:6], "the form changed: follow the recipe in tasks/profiles/formats/codec.py"
    assert zlib.decompress(now[6:]) == zlib.decompress(frozen[6:]), "the form changed: follow the recipe"


def test_every_protocol_has_a_frozen_file() -> None:
    assert {path.name for path in FROZEN.iterdir()} == {
        *(f"profile_{n}.bin" for n in range(1, PROTOCOL + 1)),
        *(f"profile_{n}_columns.bin" for n in range(2, PROTOCOL + 1)),
    }


def test_a_ruler_without_dates_is_named_as_it_was_before_there_were_any() -> None:
    assert digest(RULER) == "1dfcdb5d6e9e6858"
    assert digest(DATED_RULER) != digest(RULER)


@pytest.mark.parametrize("ruler", [RULER, DATED_RULER], ids=["no dates", "dates"])
@pytest.mark.parametrize("frame", [DATED.iloc[:6], DATED, DATED.iloc[:0]])
def test_the_way_there_and_back_changes_nothing(frame: pd.DataFrame, ruler: Ruler) -> None:
    there = profile(frame, ruler)
    assert from_bytes(to_bytes(there)) == there
    assert to_bytes(from_bytes(to_bytes(there))) == to_bytes(there)


def test_equal_profiles_give_equal_bytes_whichever_way_they_came_about() -> None:
    parts = [profile(FRAME.iloc[[i]], RULER) for i in (5, 3, 0, 1, 4, 2)]
    assert to_bytes(sum(parts, TableProfile.empty(RULER))) == to_bytes(profile(FRAME, RULER))


def test_more_categories_than_are_kept_go_there_and_back() -> None:
    there = profile(pd.DataFrame({"plan": [f"plan {i}" for i in range(6000)]}), Ruler({}, ("plan",)))
    assert from_bytes(to_bytes(there)) == there


def test_columns_in_another_order_have_the_same_bytes_and_digest() -> None:
    turned = replace(RULER, numbers=dict(reversed(list(RULER.numbers.items()))))
    assert to_bytes(profile(FRAME, turned)) == to_bytes(profile(FRAME, RULER))
    assert digest(turned) == digest(RULER)


def test_a_read_profile_can_be_added_to() -> None:
    read = from_bytes(to_bytes(profile(FRAME, RULER)))
    assert read + read == profile(pd.concat([FRAME, FRAME]), RULER)


def test_a_night_of_twenty_columns_stays_small() -> None:
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(20)]
    frame = pd.DataFrame(rng.normal(size=(1000, 20)), columns=names)
    ruler = Ruler({name: Axis() for name in names})
    assert len(to_bytes(profile(frame, ruler))) < 20_000


def test_another_file_is_not_taken_for_a_profile() -> None:
    with pytest.raises(DataError, match="at the start of a profile"):
        from_bytes(b"PAR1 something else")


def test_a_newer_protocol_is_refused_with_its_number() -> None:
    data = bytearray(to_bytes(TableProfile.empty(RULER)))
    data[4] = 99
    with pytest.raises(DataError, match=r"found a profile of PROTOCOL 99; this release reads \[1, 2, 3\]"):
        from_bytes(bytes(data))


@pytest.mark.parametrize("cut", [7, 40, -1])
def test_cut_bytes_are_damaged_bytes(cut: int) -> None:
    with pytest.raises(DataError, match="damaged"):
        from_bytes(to_bytes(profile(FRAME, RULER))[:cut])


def test_bytes_that_hold_too_much_are_damaged() -> None:
    data = to_bytes(profile(FRAME, RULER))
    with pytest.raises(DataError, match="left over"):
        from_bytes(data[:6] + zlib.compress(zlib.decompress(data[6:]) + b"x"))
