"""Whether a suspicion has ended: the newest rows are compared with those before it and those under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tasks.dataset.withheld_values import NOTHING_WITHHELD, WithheldValues
from tasks.drift import Hints, RepeatedRows, Suspicion, is_back
from tasks.profiles import TableProfile, sum_profiles
from tasks.records import COMPARED_DAYS, SuspicionState, Window

GOOD_DAYS = 28  # before a suspicion: four of each weekday
LAG_DAYS = 7  # from the event to the delivery of most rows


@dataclass(frozen=True)
class DailyRows:
    """The profiles of accepted and of quarantined rows by event date, and the suspicions before the night.

    `withheld` are values of feature tables that the rows may lack, because their delivery is quarantined.
    """

    accepted: Mapping[date, TableProfile]
    quarantined: Mapping[date, TableProfile] = field(default_factory=dict)
    suspected: Sequence[SuspicionState] = ()
    withheld: WithheldValues = NOTHING_WITHHELD

    def before(self, day: date, rows: int) -> TableProfile | None:
        """Return the newest accepted rows before a day: as many days as have a number of rows; None without any."""
        days, held = list[TableProfile](), 0
        for each in sorted((known for known in self.accepted if known < day), reverse=True):
            if held >= rows:
                break
            days.append(self.accepted[each])
            held += self.accepted[each].rows
        return sum_profiles(days) if days else None

    def hints(self, day: date, rows: int, repeated: RepeatedRows | None = None, repeated_before: float = 0.0) -> Hints:
        """Return what new rows from a day on are compared with next to the reference."""

        def seen() -> TableProfile:
            return sum_profiles([profile for known, profile in self.accepted.items() if known < day])

        def recent() -> list[TableProfile]:
            ends = day, day - timedelta(days=COMPARED_DAYS)
            return [known for end in ends if (known := self.before(end, rows)) is not None]

        def days() -> list[TableProfile]:
            begin = day - timedelta(days=COMPARED_DAYS)
            return [profile for known, profile in self.accepted.items() if begin <= known < day]

        return Hints(repeated, repeated_before, recent, seen, days)

    def good(self, state: SuspicionState) -> TableProfile | None:
        """Return the accepted rows before a suspicion."""
        since = state.since - timedelta(days=GOOD_DAYS)
        days = [rows for known, rows in self.accepted.items() if since <= known < state.since]
        return sum_profiles(days) if days else None

    def bad(self, state: SuspicionState, day: date) -> TableProfile | None:
        """Return the rows under a suspicion that came before a day; quarantined ones may be older than their night."""
        parts = [rows for known, rows in self.quarantined.items() if known >= state.since - timedelta(days=LAG_DAYS)]
        parts += [rows for known, rows in self.accepted.items() if state.since <= known < day]
        return sum_profiles(parts) if parts else None


def resumed(state: SuspicionState, now: TableProfile, day: date, rows: DailyRows, reference: TableProfile) -> bool:
    """Return whether new rows continue those before a suspicion in all of its columns, and not those under it.

    Columns that the champion does not use are ignored: nothing it answers rests on them, and nothing is known of them.
    A suspicion of such columns alone goes on.

    Parameters
    ----------
    day : date
        First event date of the new rows.
    reference : TableProfile
        What the champion learned from: the good rows where there are no newer ones.
    """
    known = _measured(state, reference)
    good, bad = rows.good(state) or reference, rows.bad(state, day)
    if not known or bad is None or not now.rows:
        return False
    return all(is_back(good.columns[name], bad.columns[name], now.columns[name]) for name in known)


def _measured(state: SuspicionState, reference: TableProfile) -> list[str]:
    """Return the columns of a suspicion that the champion uses."""
    return [name for name in state.columns if name in reference.columns]


def still_broken(now: TableProfile, day: date, rows: DailyRows, reference: TableProfile) -> Iterator[Suspicion]:
    """Yield the faults that a delivery still has: those that are quarantined, and those that a person confirmed."""
    for state in rows.suspected:
        known = state.quarantined or state.answer == "fault"
        if state.open and known and _measured(state, reference) and not resumed(state, now, day, rows, reference):
            yield Suspicion(state.kind, state.columns, f"as since {state.since}; the values before have not returned")


def ended(
    rows: DailyRows, reference: TableProfile, found: Sequence[Suspicion], newest: Window, *, arrived: bool
) -> dict[str, date]:
    """Return the suspicions that ended with the newest rows, by name, with the last event date under suspicion.

    Parameters
    ----------
    found : sequence of Suspicion
        What looks broken tonight: a short delivery or repeated rows have ended with a delivery in which they are not
        found again.
    newest : Window
        The newest accepted event dates.
    arrived : bool
        Whether rows were delivered tonight.
    """
    now = sum_profiles([each for day, each in rows.accepted.items() if newest.start <= day <= newest.end])
    over: dict[str, date] = {}
    for state in (each for each in rows.suspected if each.open):
        again = any(map(state.explains, found))
        newer = state.kind == "truncated" or newest.end > state.since
        back = resumed(state, now, newest.start, rows, reference) if state.columns else arrived and not again
        if back and newer:
            over[state.name] = max(state.since, newest.start - timedelta(days=1))
    return over
