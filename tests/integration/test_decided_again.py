"""A night that is decided again takes from its entry what cannot be measured again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import cast

from flows.loaded_version import Champion
from flows.steps.night_context import NightContext, as_recorded
from tasks.dataset.night_source import NightSource
from tasks.records import (
    AuditedRows,
    GuardedMetric,
    NightEntry,
    OutputMetric,
    PersonComparison,
    ServedProof,
    UpstreamState,
)
from tasks.records.answer_quality.person_comparison import ComparedRows
from tasks.records.answers import DecidedByPeople, HeldDegree, Outputs, ServedAsBatch, WhereFirst
from tasks.records.entry_codec import from_row, to_row

Load = Callable[[int], Champion]
NIGHT = date(2026, 3, 2)
PROOF = ServedProof(rows=80, versions=(3,))
REDONE = OutputMetric("redone", 80, 0.1, 0.05)
GUARDED = GuardedMetric("redone", "3-ab", "higher", 0.03, 800, 9000, 0.125, 0.05, 7.0, -9.0)
PEOPLE = PersonComparison(3, NIGHT, NIGHT, are_shares=True, hidden=ComparedRows("", 40))
AUDIT = AuditedRows("partial", NIGHT, are_shares=True, drawn=10)
MEASURED_AGAIN = {"champion", "data", "load", "upstream"}


def stored() -> NightEntry:
    answers = (
        WhereFirst("", downstream=("search",)),
        ServedAsBatch("", proof=PROOF),
        Outputs("", metrics=(REDONE,), guarded=(GUARDED,)),
        DecidedByPeople("", comparison=PEOPLE),
        HeldDegree("", audit=AUDIT),
    )
    moment = datetime(2026, 3, 2, 3, tzinfo=UTC)
    entry = NightEntry(
        name="2026-03-02", night=NIGHT, time=moment, action="score", reason="", answers=answers, shadow_fault="gone"
    )
    return cast("NightEntry", from_row(to_row(entry)))


def test_what_the_log_feedback_and_people_said_is_as_recorded() -> None:
    blank = NightContext(None, cast("NightSource", object()), cast("Load", object()), (UpstreamState("raw"),))
    context = as_recorded(blank, stored())
    found = {each.name: getattr(context, each.name) for each in fields(context)}
    assert {name: found.pop(name) for name in MEASURED_AGAIN} == {name: getattr(blank, name) for name in MEASURED_AGAIN}
    assert found == {
        "downstream": ("search",),
        "shadow_fault": "gone",
        "served": PROOF,
        "outputs": (REDONE,),
        "guarded": (GUARDED,),
        "people": PEOPLE,
        "audit": AUDIT,
    }
