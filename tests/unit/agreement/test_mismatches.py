from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tasks.agreement import ProjectFacts, mismatches
from tasks.records import Bar, ChampionChange, ChampionRecord, RecordedVersion

NOW = datetime(2026, 11, 1, tzinfo=UTC)
RECORD = ChampionRecord(
    tuple(ChampionChange("promoted", RecordedVersion(number), NOW) for number in (1, 3)),
    (Bar(RecordedVersion(2), "prices off"),),
)
FITS = ProjectFacts("shop", 12, RECORD, frozenset({1, 2, 3}), frozenset({1, 2, 3}))


def found(facts: ProjectFacts) -> list[str]:
    return [each.found for each in mismatches(facts)]


def test_what_fits_is_not_mentioned() -> None:
    assert mismatches(FITS) == []
    assert mismatches(replace(FITS, registered=frozenset({3}))) == []  # old versions may be deleted
    assert mismatches(replace(FITS, others=frozenset({"store"}))) == []
    assert mismatches(ProjectFacts("shop", 0)) == []


def test_a_registry_that_was_not_asked_lacks_nothing() -> None:
    assert mismatches(replace(FITS, registered=None)) == []


@pytest.mark.parametrize(
    ("registered", "ends"),
    [
        ({1, 2}, "MLflow no longer has it: version 1, the champion before it, answers"),
        ({2}, "MLflow no longer has it, nor any champion before it: no row is answered"),
        (set(), "MLflow no longer has it, nor any champion before it: no row is answered"),
    ],
)
def test_a_deleted_champion_is_named_with_what_answers_in_its_place(registered: set[int], ends: str) -> None:
    (each,) = mismatches(replace(FITS, registered=frozenset(registered)))
    assert each.found == f"version 3 is champion by the decision record, but {ends}"
    assert each.certain


def test_versions_that_the_record_does_not_know_point_to_an_older_lake() -> None:
    assert found(replace(FITS, registered=frozenset({1, 2, 3, 4, 5}))) == [
        "MLflow has versions 4, 5, which the decision record does not name"
    ]
    assert found(replace(FITS, registered=frozenset({1, 2, 3, 4}))) == [
        "MLflow has version 4, which the decision record does not name"
    ]


def test_a_conflict_of_kinds_says_what_to_do() -> None:
    conflict = "features.numbers lists 'zip', which is stored as categories; list it there again"
    (each,) = mismatches(replace(FITS, kind_conflicts=(conflict,)))
    assert str(each) == "features.numbers lists 'zip', which is stored as categories. List it there again"


def test_only_a_project_without_nights_may_have_been_renamed() -> None:
    (each,) = mismatches(ProjectFacts("shop", 0, others=frozenset({"store"})))
    assert not each.certain
    assert "`leeway rename store shop` brings its history" in each.remedy
