"""The lint for archaic words finds them where readers see them, and its baseline only shrinks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture import plain_words
from tests.architecture.plain_words import Finding, findings_in, over_baseline, read_baseline


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('"""Rows whose label is late."""', "whose"),
        ("rows_told = 1", "told"),
        ("class Beside: ...", "Beside"),
        ("reason: set aside by the check", "aside"),
        ("a decision it had come\nto", "come to"),
        ("# a number that stands\n# in a column", "stands"),
    ],
)
def test_an_archaic_word_is_found_in_text_names_and_across_lines(text: str, word: str) -> None:
    assert [finding.word for finding in findings_in("x.md", text)] == [word]


@pytest.mark.parametrize("text", ["it understands", "alongside", "supplies", "a toldo", "welcome tomorrow", "relaid"])
def test_part_of_a_longer_word_is_not_found(text: str) -> None:
    assert findings_in("x.md", text) == []


def test_a_room_may_keep_its_words_but_get_no_more() -> None:
    one, two = Finding("tasks/a/x.py", 1, "lest", ""), Finding("tasks/a/y.py", 4, "anew", "")
    assert over_baseline([one, two], read_baseline(["tasks/a 2"])) == []
    assert over_baseline([one, two], read_baseline(["tasks/a 1"])) == [one, two]
    assert over_baseline([one], {}) == [one]


def test_words_that_move_to_another_room_with_their_file_are_no_new_words() -> None:
    moved = Finding("tasks/b/x.py", 1, "lest", "")
    assert over_baseline([moved], read_baseline(["tasks/a 1"])) == []


def test_the_project_has_no_more_archaic_words_than_its_baseline() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "tests.architecture.plain_words"],
        cwd=plain_words.ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
