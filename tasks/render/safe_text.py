"""Values as words, and texts from data or people made safe to show: in HTML, in markdown, in a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from html import escape

MARKUP = str.maketrans({character: f"\\{character}" for character in "\\`*_[]#|~"} | {"<": "&lt;", ">": "&gt;"})
TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSHOWN = frozenset({"Cc", "Cs", "Co", "Cn"})
ADDRESS = re.compile(r"(https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]*[A-Za-z0-9_/=-])")


def visible(text: object) -> str:
    r"""Return a text on one line in which nothing hides: what steers a terminal or turns the writing shows as its code.

    Lone surrogates, which no file can hold as UTF-8, are shown so too.

    >>> visible("a\nb \u202eabc")
    'a b \\u202eabc'
    >>> visible("red\x1b[31m")
    'red\\u001b[31m'
    """
    return "".join(
        f"\\u{ord(character):04x}"
        if character in TURNS_TEXT or unicodedata.category(character) in UNSHOWN
        else character
        for character in " ".join(str(text).split())
    )


def html(text: object) -> str:
    """Return a text that is only ever text: in an element or in a quoted attribute.

    >>> html("<b>'x'")
    '&lt;b&gt;&#x27;x&#x27;'
    """
    return escape(visible(text), quote=True)


def own(text: object) -> str:
    """Return a text as an element of its own direction: what is written right to left does not turn its neighbours.

    >>> own("a&b")
    '<bdi>a&amp;b</bdi>'
    """
    return f"<bdi>{html(text)}</bdi>"


def linked(text: object) -> str:
    """Return a text as `own` does, with its web addresses as links; no other kind of address becomes one.

    >>> linked("see http://a/b, javascript:x")
    '<bdi>see <a href="http://a/b" rel="noopener noreferrer">http://a/b</a>, javascript:x</bdi>'
    """
    parts = ADDRESS.split(visible(text))
    shown = [
        f'<a href="{escape(part)}" rel="noopener noreferrer">{escape(part)}</a>' if position % 2 else escape(part)
        for position, part in enumerate(parts)
    ]
    return f"<bdi>{''.join(shown)}</bdi>"


def markdown(text: object) -> str:
    r"""Return a text that can stand in a markdown table whatever the data held; web addresses stay what they are.

    >>> markdown("<b>|x*")
    '&lt;b&gt;\\|x\\*'
    >>> markdown("_a_ http://b/_c_")
    '\\_a\\_ http://b/_c_'
    """
    parts = ADDRESS.split(visible(text))
    return "".join(
        part if position % 2 else part.replace("&", "&amp;").translate(MARKUP) for position, part in enumerate(parts)
    )


def words(value: object) -> str:
    """Return a number, or what numbers stand in, as `key=value` words.

    >>> words({"rows": 120, "loss": 0.123456, "suspects": [], "strains": {"size": 1.5}})
    'rows=120 loss=0.1235 strains={size=1.5}'
    """
    if isinstance(value, Mapping):
        pairs = (
            (key, f"{{{words(each)}}}" if isinstance(each, Mapping) else words(each)) for key, each in value.items()
        )
        return " ".join(f"{key}={text}" for key, text in pairs if text not in {"", "{}"})
    if isinstance(value, list | tuple):
        return ",".join(map(words, value))
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
