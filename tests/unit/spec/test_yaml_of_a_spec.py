from __future__ import annotations

import time

import pytest

from tasks.spec.reading.yaml_document import UnreadableError, read_document


def refusal(text: str) -> tuple[int, str]:
    with pytest.raises(UnreadableError) as refused:
        read_document(text)
    return refused.value.line, refused.value.text


def test_words_that_yaml_1_1_turns_into_something_else_stay_texts() -> None:
    text = "on: yes\ncountry: no\nday: 2026-11-20\ntime: 12:30\nzip: 0123\nnumber: 12345678901234567890\nhex: 0x1f\n"
    assert read_document(text).data == {
        "on": "yes",
        "country": "no",
        "day": "2026-11-20",
        "time": "12:30",
        "zip": "0123",
        "number": "12345678901234567890",
        "hex": "0x1f",
    }


def test_numbers_booleans_and_nothing_are_read() -> None:
    text = "a: 3\nb: -1.5\nc: 1e-3\nd: .5\ne: true\nf: False\ng:\nh: null\ni: '3'\n"
    assert list(read_document(text).data.values()) == [3, -1.5, 0.001, 0.5, True, False, None, None, "3"]


def test_a_key_said_twice_is_reported_with_both_lines_and_the_first_counts() -> None:
    document = read_document("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")
    assert document.faults == [(5, "key 'c' occurs twice, first on line 3; keep one")]
    assert document.data == {"a": 1, "b": {"c": 1, "d": 2}}


def test_a_list_as_a_key_is_reported() -> None:
    assert read_document("a: 1\n? [b, c]\n: d\n").faults == [
        (2, "found a key that is a list or a block; expected `key: value`")
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "close the list with ]"),
        ("a: 1\nb: {c: 2\nd: 3\n", 3, "close the block with }"),
        ("a: 1\nb: c: d\n", 2, "quote a text that holds ': '"),
        ("a:\n  b: 1\n   c: 2\n", 3, "start lines of one block in one column"),
        ("a:\n\tb: 1\n", 2, "indent with spaces, not tabs"),
        ("a: 'open\n", 2, "a quote is never closed"),
        ("a: 1\n---\nb: 2\n", 2, "one file holds one spec"),
        ("a: 1\nb: \x07\n", 2, "the control character '\\x07'"),
        ('a: 1\nb: "\\ud800"\n', 2, "half a character"),
        ('a: "\\UFFFFFFFF"\n', 1, "an escape that is no character"),
        ("a: 1\nb: &x 2\n", 2, "an anchor or alias"),
        ("a: 1\nb: *x\n", 2, "an anchor or alias"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "the tag '!!python/object/apply:os.system'"),
        ("a: !mine 1\n", 1, "the tag '!mine'"),
        ("- a\n- b\n", 1, "found no `key: value` lines"),
        ("only a text", 1, "found no `key: value` lines"),
        ("a: " + "[" * 21 + "]" * 21, 1, "nested deeper than 20 levels"),
    ],
)
def test_unreadable_text_is_reported_with_its_line_and_what_to_do(text: str, line: int, message: str) -> None:
    found_line, found = refusal(text)
    assert (found_line, message in found) == (line, True), found


def test_bombs_end_at_once() -> None:
    laughs = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(50))
    started = time.monotonic()
    for bomb in (laughs, "a: " + "[" * 400_000, "a: " + "{a: " * 200_000, "- " * 400_000):
        refusal(bomb)
    assert time.monotonic() - started < 20
