"""Text of others inside our markdown: shown as it is, never obeyed."""

from __future__ import annotations

import unicodedata

_SPECIAL = set("&<>\"'\\`*_{}[]#|~!$:@")
"""What markdown, HTML or a link finder would act on; a character reference shows the same and does nothing."""


def plain(text: object, limit: int) -> str:
    """Return text that markdown and HTML show literally, in one line of at most `limit` characters.

    Character references are used throughout: MLflow's renderer honours them in every place, but not every backslash.

    Examples
    --------
    `<` is character 60, `>` is 62 and `|` is 124:

    >>> plain("a <b> | c", 100)
    'a &#60;b&#62; &#124; c'

    A cut never splits a reference: `&#60;` alone takes five of the seven characters, the ellipsis one more.

    >>> plain("<<<", 7)
    '&#60;…'
    """
    line = " ".join(_visible(str(text)).split())
    shown = [_reference(line, place) for place in range(min(len(line), limit + 1))]
    if sum(map(len, shown)) <= limit:
        return "".join(shown)
    kept = ""
    for piece in shown:
        if len(kept) + len(piece) >= limit:
            break
        kept += piece
    return kept + "…"


def _visible(text: str) -> str:
    return "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)


def _reference(line: str, place: int) -> str:
    character = line[place]
    starts_an_address = character == "." and line[max(place - 3, 0) : place].casefold() == "www"
    return f"&#{ord(character)};" if character in _SPECIAL or starts_an_address else character


def number(value: object) -> str:
    """Return a number to four digits, or `n/a` where there is none.

    >>> number(0.130049), number(None), number(True)
    ('0.13', 'n/a', 'n/a')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "n/a"
    return f"{value:.4g}"
