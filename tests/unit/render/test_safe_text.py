from __future__ import annotations

import html
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tasks.render.safe_text import JOINERS, Markdown, isolated, linked, markdown, terminal, visible

NASTY = "<script>alert(1)</script> [x](javascript:y) **b** | `c`\n# d www.evil.example"


@given(st.text(max_size=50))
def test_nothing_is_hidden_in_visible_text(text: str) -> None:
    shown = visible(text)
    assert {character for character in shown if unicodedata.category(character)[0] == "C"} <= JOINERS
    assert "\n" not in shown
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202etxt.exe", "a\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("soft\u00adhyphen", "soft\\u00adhyphen"),
        ("id\u200d7", "id\\u200d7"),
        (*["\N{ARABIC LETTER MEEM}\u200c\N{ARABIC LETTER MEEM}"] * 2,),
        ("half \ud83d", "half \\ud83d"),
        ("tag \U000e0041", "tag \\ue0041"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_code_but_for_joiners_of_a_script(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(max_size=50))
def test_a_terminal_is_not_steered_and_nothing_becomes_its_markup(text: str) -> None:
    shown = Text.from_markup(terminal(text), emoji=False).plain
    assert {character for character in shown if unicodedata.category(character)[0] == "C"} <= JOINERS | {"\n"}
    assert terminal("  [red]a[/]\n\tb  c") == "  \\[red]a\\[/]\n        b  c"


def test_html_text_is_escaped_once() -> None:
    assert isolated("<b>'&amp;") == "<bdi>&lt;b&gt;&#39;&amp;amp;</bdi>"
    assert linked('http://a/"onclick="x') == (
        '<bdi><a href="http://a/" rel="noopener noreferrer">http://a/</a>&#34;onclick=&#34;x</bdi>'
    )
    assert linked("`<i>` and `") == "<bdi><code>&lt;i&gt;</code> and `</bdi>"
    assert "href" not in linked("javascript:alert(1) ftp://a data:text/html,x")


@given(st.text(max_size=50), st.integers(1, 60))
def test_markdown_keeps_its_limit_and_its_meaning(text: str, limit: int) -> None:
    shown = markdown(text, limit)
    assert len(shown) <= limit
    assert not set(shown) & set("<>\"'\\`*_{}[]|~!$:@\n")
    assert visible(text).startswith(html.unescape(shown).removesuffix("…"))


@given(st.text(max_size=50))
def test_markdown_without_a_limit_says_all(text: str) -> None:
    assert html.unescape(markdown(text)) == visible(text)
    assert markdown(markdown(text)) == markdown(text)


def test_markdown_of_others_is_shown_and_not_obeyed() -> None:
    for active in ("<", "[x]", "**b**", "`c`", "\n# d", "www."):
        assert active not in markdown(NASTY)
    assert markdown(Markdown("**ours**")) == "**ours**"
