from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.notify import Message, due, sent_entry, sent_messages, states
from tasks.records import Action, Entry, NightEntry, Recovered, ServedAsBatch, ServedProof
from tasks.spec import ProjectSpec
from tests.recorded_entries import moved, performance, rollout_entries

if TYPE_CHECKING:
    from tests.unit.notify.conftest import Event, Night, Spec


def life(entries: Sequence[Entry], spec: ProjectSpec) -> list[list[Message]]:
    """Let the entries happen one after the other, every message taken; return what each gave rise to."""
    record: list[Entry] = []
    sent = []
    for entry in entries:
        record.append(entry)
        messages = due(entry, record, sent_messages(record), spec)
        record += [sent_entry(message, entry, entry.time) for message in messages]
        sent.append(list(messages))
    return sent


def bodies(entries: Sequence[Entry], spec: ProjectSpec) -> list[str]:
    return [" | ".join(message.body for message in messages) for messages in life(entries, spec)]


def test_a_night_is_one_message_to_a_recipient_whatever_it_holds(spec: Spec, night: Night) -> None:
    seen = night(0, "quarantine", quarantined=("a.csv", "b.csv"))
    hurt = night(1, "hold", ("area", "age"), performance=performance(1.3), quarantined=("c.csv",))
    first, second = life([seen, hurt], spec())
    assert [message.title for message in first] == ["mine 2026-02-01: quarantine (quarantine)"]
    assert first[0].body == "- rows a.csv was quarantined whole\n- rows b.csv was quarantined whole"
    assert [message.title for message in second] == ["mine 2026-02-02: hold (alarm, quarantine)"]
    assert second[0].body.splitlines() == [
        "- area moved 2.0 x its leeway",
        "- age moved 2.0 x its leeway",
        "- error 1.3 is past 1 + 0.1",
        "- rows c.csv was quarantined whole",
    ]


def test_a_quiet_night_sends_nothing(spec: Spec, night: Night) -> None:
    assert life([night(0, "score"), night(1, "wait"), night(2, "score", ("area",))], spec()) == [[], [], []]


@pytest.mark.parametrize("action", ["quarantine", "retrain", "ask", "hold", "score"])
def test_a_skew_of_the_prediction_service_is_sent_whatever_the_night_does(
    action: Action, spec: Spec, night: Night
) -> None:
    skew = ServedAsBatch("no: 3 of 120 rows differ", proof=ServedProof(120, 3))
    worse = Recovered("no, version 3: a loss of 0.3", version=3, verdict="worse")
    seen = replace(night(0, action), answers=(skew, worse))
    (sent,) = life([seen], spec())[0]
    assert "- the prediction service answers in another way than the batch: 3 of 120 rows differ" in sent.body
    assert "- not recovered: version 3: a loss of 0.3" in sent.body


def test_a_state_is_sent_once_and_again_as_a_reminder_while_it_lasts(spec: Spec, night: Night) -> None:
    sent = bodies([night(day, "hold", ("area",)) for day in range(16)], spec())
    assert [day for day, body in enumerate(sent) if body] == [0, 7, 14]
    often = spec({"to": "env:TEAM", "on": ["alarm"], "remind_days": 3})
    sent = bodies([night(day, "hold", ("area",)) for day in range(8)], often)
    assert [day for day, body in enumerate(sent) if body] == [0, 3, 6]


def test_what_is_new_is_sent_at_once_and_what_lasts_is_only_counted(spec: Spec, night: Night) -> None:
    sent = bodies([night(0, "hold", ("area",)), night(1, "hold", ("area", "age"))], spec())
    assert sent[1] == "- age moved 2.0 x its leeway\n(and 1 earlier notice that still holds)"


def test_a_column_at_the_edge_does_not_page_every_other_night(spec: Spec, night: Night) -> None:
    edge = [night(day, "hold" if day % 2 else "score", ("area",)) for day in range(12)]
    assert [day for day, body in enumerate(bodies(edge, spec())) if body] == [1, 9]


def test_what_happened_is_never_sent_twice(spec: Spec, night: Night, event: Event) -> None:
    promoted = event("promotion", "promoted", 0)
    again = [promoted, promoted, night(9, "quarantine", quarantined=("a.csv",))]
    again.append(night(20, "quarantine", quarantined=("a.csv",)))
    assert [len(messages) for messages in life(again, spec())] == [1, 0, 1, 0]


def test_a_request_is_repeated_on_nights_until_it_is_answered(spec: Spec, night: Night, event: Event) -> None:
    asked, answered = event("retraining", "registered", 0), event("promotion", "promoted", 15)
    nights = [night(day, "score") for day in range(1, 30)]
    sent = life([asked, *nights[:14], answered, *nights[14:]], spec({"to": "env:TEAM", "on": ["approval"]}))
    bodies_sent = [message.body for messages in sent for message in messages]
    assert bodies_sent == [
        "- version 2 needs approval: as it is",
        "- version 2 has waited for approval since 2026-02-01: as it is",
        "- version 2 has waited for approval since 2026-02-01: as it is",
    ]


@pytest.mark.parametrize(
    ("kind", "action", "heard"),
    [
        ("retraining", "registered", "approval"),
        ("retraining", "refused", "alarm"),
        ("promotion", "promoted", "promotion"),
        ("promotion", "put_back", "alarm"),
        ("promotion", "refused", "approval"),
        ("promotion", "rejected", None),
        ("rollback", "rolled_back", "rollback"),
        ("release", "released", None),
    ],
)
def test_each_thing_that_is_done_has_its_event(kind: str, action: str, heard: str | None, event: Event) -> None:
    done = event(kind, action)
    assert [state.event for state in states(done, [done])] == ([heard] if heard else [])


@pytest.mark.parametrize(
    ("action", "heard"),
    [("started", None), ("advanced", None), ("doubted", "approval"), ("rolled_back", "rollback"), ("finished", None)],
)
def test_people_are_notified_of_a_rollout_that_needs_them_or_has_ended(action: Any, heard: str | None) -> None:
    done = rollout_entries(*([] if action == "started" else [action]))[-1]
    assert [state.event for state in states(done, [done])] == ([heard] if heard else [])


def test_each_recipient_has_what_it_asked_for_and_a_memory_of_its_own(spec: Spec, night: Night, event: Event) -> None:
    both = spec(
        {"to": "env:TEAM", "on": ["alarm"]},
        {"to": "env:BOSS", "on": ["promotion"], "remind_days": 30},
        {"to": "env:BOSS", "on": ["alarm"], "remind_days": 2},
    )
    held = night(0, "hold", ("area",))
    messages = due(held, [held], [], both)
    assert [message.to for message in messages] == ["env:TEAM", "env:BOSS"]
    only_one_took_it = sent_messages([sent_entry(messages[0], held, held.time)])
    assert [message.to for message in due(night(1, "hold", ("area",)), [], only_one_took_it, both)] == ["env:BOSS"]
    promoted = event("promotion", "promoted")
    assert [message.to for message in due(promoted, [], [], both)] == ["env:BOSS"]


def test_an_alarm_storm_is_one_short_message_with_its_why(spec: Spec, night: Night) -> None:
    storm = night(0, "hold", tuple(f"column {each}" for each in range(500)))
    (message,) = due(storm, [storm], [], spec(), "why it was\n" * 1000)
    assert message.body.splitlines()[7:11] == [
        "- column 7 moved 2.0 x its leeway",
        "- and 492 more",
        "",
        "why it was",
    ]
    assert len(message.body) == 3000
    assert len(message.topics) == 500


def test_a_night_that_asks_says_what(spec: Spec, night: Night) -> None:
    assert bodies([night(0, "ask"), night(1, "ask")], spec()) == ["- ask: so it was", ""]
    assert bodies([night(0, "retrain"), night(1, "retrain")], spec()) == ["- a retraining was started: so it was"] * 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.sampled_from("abc")), max_size=25))
def test_no_state_is_sent_twice_within_the_reminder_or_later_than_on_its_first_night(
    spec: Spec, night: Night, columns: list[set[str]]
) -> None:
    nights = [night(day, "hold" if names else "score", tuple(sorted(names))) for day, names in enumerate(columns)]
    last: dict[str, int] = {}
    for day, messages in enumerate(life(nights, spec())):
        subjects = {subject for message in messages for _, subject in message.topics}
        assert subjects == {name for name in columns[day] if day - last.get(name, -7) >= 7}
        last |= dict.fromkeys(subjects, day)


def crept(night: Night, distances: Sequence[float], error: float) -> list[NightEntry]:
    """Return nights on which `age` has moved so far, with a leeway of 1; past it, the night is a hold."""
    nights = [
        night(day, "hold" if far > 1 else "score", performance=performance(error)) for day, far in enumerate(distances)
    ]
    age = moved("age", 1.0)
    return [
        replace(one, moved=(replace(age, distance=far, leeway=1.0),))
        for one, far in zip(nights, distances, strict=True)
    ]


@pytest.mark.parametrize(
    ("distances", "error", "sent"),
    [
        ([0.6 + 0.05 * number for number in range(12)], 1.0, False),  # half of the way a week before
        ([0.1] * 7 + [0.4, 0.8, 1.2, 1.3], 1.0, True),  # within a week
        ([0.6 + 0.05 * number for number in range(12)], 1.3, True),  # and the error rose
    ],
)
def test_a_column_that_came_slowly_and_does_no_harm_is_in_no_message(
    distances: list[float], error: float, *, sent: bool, spec: Spec, night: Night
) -> None:
    said = " ".join(bodies(crept(night, distances, error), spec()))
    assert ("age moved" in said) == sent
