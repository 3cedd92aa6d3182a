from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pandas as pd

from tasks.records import Finding, Landed, ValidatedDelivery, Verdict
from tasks.validate import validation_markdown, validation_page

NIGHT = date(2026, 1, 5)
NASTY = "<script>alert(1)</script>|[x](javascript:y)\n# z"


def checked_of(key: str, verdict: Verdict, accepted: int, refused: int, *findings: Finding) -> ValidatedDelivery:
    rows = pd.DataFrame({"raw": ["{}"] * refused, "reasons": "x"})
    landed = Landed("rows", key, 9, NIGHT)
    return ValidatedDelivery("ab12", landed, verdict, pd.DataFrame({"row_id": range(accepted)}), rows, findings)


CRITICAL = Finding("not_a_number", NASTY, "critical", 2, f"2 of 9 rows: {NASTY} is not a number", ("r1", NASTY))
WARNING = Finding("new_column", "colour", "warning", 0, "a.csv has column 'colour'; left out")
BOTH = [checked_of("a.csv", "accepted", 9, 0, WARNING), checked_of(NASTY, "quarantined", 0, 9, WARNING, CRITICAL)]


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_a_page_needs_no_network_runs_nothing_and_fits_a_phone() -> None:
    page = validation_page("shop", BOTH, NIGHT)
    seen = Tags()
    seen.feed(page)
    assert seen.addresses == []
    assert {"script", "link", "img", "iframe"}.isdisjoint(seen.tags)
    assert "http" not in page
    assert "width=device-width" in page
    assert "prefers-color-scheme:dark" in page


def test_quarantined_deliveries_are_first_and_open_and_say_what_to_do() -> None:
    page = validation_page("shop", BOTH, NIGHT)
    assert page.index("class='bad'>quarantined") < page.index("class='good'>accepted")
    assert page.count("<details class='box' open>") == 1
    assert "leeway release shop" in page
    assert page.index("class='bad'>critical") < page.index("class='warn'>warning")
    assert "2 deliveries: 1 accepted, 1 quarantined. 18 rows in, 9 accepted, 9 refused." in page


def test_markdown_holds_each_finding_in_one_row_of_a_table() -> None:
    text = validation_markdown(BOTH, NIGHT)
    assert "<script" not in text
    rows = [line for line in text.splitlines() if line.startswith("| critical")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 3
    assert "&#91;x&#93;(javascript" in rows[0]


def test_a_night_without_deliveries_says_so() -> None:
    assert "Nothing was delivered." in validation_page("shop", [], NIGHT)
    assert "Nothing was delivered." in validation_markdown([], NIGHT)


def test_hundreds_of_deliveries_are_counted_and_the_first_shown() -> None:
    many = [checked_of(f"{number}.csv", "accepted", 1, 0) for number in range(300)]
    assert "and 100 more deliveries" in validation_page("shop", many, NIGHT)
    assert "300 deliveries: 300 accepted" in validation_markdown(many, NIGHT)
