"""One page about all projects: what needs attention first, then each project's champion, error and last nights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.records import Action, Entry, NightEntry, running_rollout
from tasks.render import pages
from tasks.render.values import counted
from tasks.report.charts.night_figures import champion_changes
from tasks.report.night_readings import latest_nights
from tasks.report.pending_actions import PendingAction, pending_actions
from tasks.spec import ProjectSpec

NIGHTS_SHOWN = 30
WORDS: dict[Action, str] = {
    "score": "scored",
    "hold": "held",
    "ask": "asked",
    "quarantine": "quarantined",
    "retrain": "retrained",
    "wait": "waited",
}
COLOURS: dict[Action, str] = {"score": "good", "wait": "none", "hold": "warn", "ask": "warn", "retrain": "new"}
OTHER_COLOUR = "bad"
LEGEND = (
    ("good", "scored"),
    ("warn", "held or asked"),
    ("new", "retrained"),
    ("bad", "quarantined"),
    ("none", "waited"),
)
LINKS = ("http://", "https://", "file:///")


@dataclass(frozen=True, slots=True)
class ProjectOverview:
    """What the page says of one project.

    Attributes
    ----------
    spec : ProjectSpec or None
        None where it cannot be used: `fault` says so then, and nothing else is shown.
    record : sequence of Entry
        The decision record, oldest first.
    next_night : str
        When the next night is, in words.
    link : str
        The address of the project's page; it is left out unless it is one of http, https or a file.
    """

    project: str
    spec: ProjectSpec | None = None
    record: Sequence[Entry] = ()
    next_night: str = ""
    link: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Card:
    name: str
    link: str
    owner: str
    fault: str
    facts: tuple[tuple[str, str], ...]
    nights: tuple[tuple[str, str], ...]
    summary: str


def overview_page(projects: Sequence[ProjectOverview], made_at: datetime) -> str:
    """Return the page as HTML; everything that came from data or people is escaped.

    Parameters
    ----------
    made_at : datetime
        The moment that it shows, with its time zone.
    """
    attention = [
        (each.project, action) for each in projects if each.spec for action in pending_actions(each.record, each.spec)
    ]
    return pages.page(
        "overview_page.html",
        title="Leeway: all projects",
        count=counted(len(projects), "project"),
        made_at=f"{made_at:%Y-%m-%d %H:%M %Z}",
        attention=sorted(attention, key=_by_age),
        faults=[(each.project, each.fault) for each in projects if each.fault],
        cards=[_card(each) for each in projects],
        legend=LEGEND,
    )


def _by_age(item: tuple[str, PendingAction]) -> tuple[object, str]:
    project, action = item
    return action.since, project


def _card(each: ProjectOverview) -> _Card:
    nights = latest_nights(each.record)[-NIGHTS_SHOWN:] if each.spec else []
    return _Card(
        name=each.project,
        link=each.link if each.link.startswith(LINKS) else "",
        owner=each.spec.scope.owner if each.spec else "",
        fault=each.fault,
        facts=tuple(_facts(each, nights)) if each.spec else (),
        nights=tuple((COLOURS.get(one.action, OTHER_COLOUR), f"{one.night}: {WORDS[one.action]}") for one in nights),
        summary=_summary(nights),
    )


def _facts(each: ProjectOverview, nights: Sequence[NightEntry]) -> list[tuple[str, str]]:
    changes, rollout = champion_changes(each.record), running_rollout(each.record)
    facts = [("champion", f"{changes[-1].subject}, since {changes[-1].night}" if changes else "none yet")]
    if rollout is not None:
        facts.append(("rollout", f"{rollout.subject}, {rollout.action}, {100 * rollout.share:g} % of the requests"))
    if nights:
        facts.append(("last night", f"{nights[-1].night}: {WORDS[nights[-1].action]}: {nights[-1].reason}"))
    if nights and nights[-1].performance is not None:
        loss = nights[-1].performance.loss
        facts.append(("error", f"{loss.value:.4g}; tolerated {loss.tolerated:.4g}"))
    return [*facts, *([("next night", each.next_night)] if each.next_night else [])]


def _summary(nights: Sequence[NightEntry]) -> str:
    """Return in words what the squares show."""
    found = Counter(WORDS[night.action] for night in nights)
    said = ", ".join(f"{count} {word}" for word, count in found.most_common())
    return f"the last {counted(len(nights), 'night')}: {said}" if nights else "no night yet"
