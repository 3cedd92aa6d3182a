"""What does not fit between spec, lake, decision record and registry, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.records import ChampionRecord


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What each store says of a project.

    Attributes
    ----------
    project : str
        Its name.
    entries : int
        How many entries its decision record has.
    record : ChampionRecord
        What the decision record says of versions.
    recorded : frozenset of int
        Every version that the decision record names.
    registered : frozenset of int or None
        Every version in the registry; None if the registry was not asked.
    kind_conflicts : tuple of str
        A sentence for each column that is stored in another kind than the spec gives it.
    changed_meaning : tuple of str
        A sentence for each change of the spec after which stored rows or labels would mean something else.
    others : frozenset of str
        Projects with a folder in the lake, this one excluded, that no spec describes.
    """

    project: str
    entries: int
    record: ChampionRecord = field(default_factory=ChampionRecord)
    recorded: frozenset[int] = frozenset()
    registered: frozenset[int] | None = None
    kind_conflicts: tuple[str, ...] = ()
    changed_meaning: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What was found, and what to do; not `certain` if it may be as it was meant."""

    found: str
    remedy: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.found}. {self.remedy}"


def mismatches(facts: ProjectFacts) -> list[Mismatch]:
    """Return what does not fit, the most urgent first; an empty list if all fits.

    Examples
    --------
    >>> facts = ProjectFacts("shop", entries=0, others=frozenset({"store"}))
    >>> mismatches(facts)[0].found
    "shop has no night yet, but the lake has 'store', which no project.yaml describes"
    """
    return [*_of_spec(facts), *_of_champions(facts), *_of_other_versions(facts), *_of_names(facts)]


def _of_spec(facts: ProjectFacts) -> Iterator[Mismatch]:
    for conflict in (*facts.changed_meaning, *facts.kind_conflicts):
        found, _, remedy = conflict.partition("; ")
        yield Mismatch(found, f"{remedy[:1].upper()}{remedy[1:]}")


def _of_champions(facts: ProjectFacts) -> Iterator[Mismatch]:
    """Yield a champion that the registry no longer has."""
    if facts.registered is None:
        return
    champions = [champion.number for champion in facts.record.champions()]
    if not champions or champions[0] in facts.registered:
        return
    answering = next((number for number in champions if number in facts.registered), None)
    gone = f"version {champions[0]} is champion by the decision record, but MLflow no longer has it"
    again = f"`leeway run retrain {facts.project}`, and approve the new version"
    if answering is None:
        found = f"{gone}, nor any champion before it: no row is answered"
    else:
        found = f"{gone}: version {answering}, the champion before it, answers"
    restore = f"`leeway restore {facts.project}` registers it again from the lake's own copy"
    yield Mismatch(found, f"{restore}; or restore MLflow from a backup that has it; or {again}")


def _of_other_versions(facts: ProjectFacts) -> Iterator[Mismatch]:
    """Yield signs of a store that was restored from an older backup than the other."""
    if facts.registered is None or not facts.entries:
        return
    unknown = sorted(facts.registered - facts.recorded)
    if unknown and facts.recorded:
        versions = f"version{'s' * (len(unknown) > 1)} {', '.join(map(str, unknown))}"
        yield Mismatch(
            f"MLflow has {versions}, which the decision record does not name",
            "If a retraining is being recorded now, wait for it. If the lake was restored from an older backup, a "
            "newer one is better; else the next nights take in again what is still in the landing zone, and the next "
            "promote run promotes again what a person had approved. Otherwise delete in MLflow what Leeway did not "
            "register: it is never promoted",
            certain=False,
        )


def _of_names(facts: ProjectFacts) -> Iterator[Mismatch]:
    """Yield a project that may have been renamed."""
    if facts.entries:
        return
    for other in sorted(facts.others):
        yield Mismatch(
            f"{facts.project} has no night yet, but the lake has {other!r}, which no project.yaml describes",
            f"If it was renamed, `leeway rename {other} {facts.project}` brings its history and its champion along. If "
            "it is a new project, nothing needs to be done",
            certain=False,
        )
