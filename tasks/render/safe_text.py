"""Text from data or people made safe to show: in a terminal, in HTML, in markdown.

Templates print every text through `visible` and escape it; the functions here are for what a template cannot decide.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, takewhile

from markupsafe import Markup, escape
from rich import markup

ADDRESS = re.compile(r"(https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]*[A-Za-z0-9_/=-])")
COMMAND = re.compile(r"`([^`]+)`")
JOINERS = frozenset("\u200c\u200d")
"""Invisible characters that Persian, Indian scripts and emoji are written with."""
ACTIVE = frozenset("&<>\"'\\`*_{}[]#|~!$:@")
"""Characters that markdown, HTML or a link finder acts on."""


def visible(text: object) -> str:
    r"""Return a text on one line in which nothing is hidden.

    Characters that steer a terminal, change the writing direction or show nothing are replaced by their code. So are
    lone surrogates, which UTF-8 cannot hold. Joiners stay where the script needs them: after a letter outside ASCII.

    Examples
    --------
    >>> visible("a\nb \u202eabc")
    'a b \\u202eabc'
    >>> visible("red\x1b[31m")
    'red\\u001b[31m'
    """
    line = " ".join(str(text).split())
    if line.isascii() and line.isprintable():
        return line
    return "".join(map(_shown, line, f" {line}"))


def terminal(text: object) -> str:
    r"""Return a text for rich's console, its lines kept: it steers no terminal, hides nothing and is not markup.

    Examples
    --------
    >>> terminal("[red]a\x1b[2J\n  b")
    '\\[red]a\\u001b[2J\n  b'
    """
    lines = str(text).expandtabs().splitlines()
    return markup.escape("\n".join("".join(map(_shown, line, f" {line}")) for line in lines))


def isolated(text: object) -> Markup:
    """Return a text as an HTML element with its own writing direction, so that it does not turn its neighbours.

    Examples
    --------
    >>> isolated("a&b")
    Markup('<bdi>a&amp;b</bdi>')
    """
    return Markup("<bdi>{}</bdi>").format(visible(text))


def linked(text: object) -> Markup:
    """Return a text as `isolated` does, with http and https addresses as links and `commands` in backticks as code.

    No other kind of address becomes a link.

    Examples
    --------
    >>> print(linked("see http://a/b, javascript:x"))
    <bdi>see <a href="http://a/b" rel="noopener noreferrer">http://a/b</a>, javascript:x</bdi>
    >>> print(linked("run `leeway why houses`"))
    <bdi>run <code>leeway why houses</code></bdi>
    """
    link = Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>')
    parts = ADDRESS.split(visible(text))
    shown = (link.format(part) if position % 2 else _with_code(part) for position, part in enumerate(parts))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(shown))


class Markdown(str):
    """Text that is markdown already: it is not escaped again."""

    __slots__ = ()


def markdown(text: object, limit: int | None = None) -> Markdown:
    """Return a text that markdown and HTML show literally, in one line of at most `limit` characters.

    Active characters become character references: a renderer honours a reference everywhere, but not every backslash.

    Examples
    --------
    `<` is character 60, `>` is 62 and `|` is 124:

    >>> markdown("a <b> | c")
    'a &#60;b&#62; &#124; c'

    A cut never splits a reference: `&#60;` alone takes five of the seven characters, the ellipsis one more.

    >>> markdown("<<<", 7)
    '&#60;…'
    """
    if isinstance(text, Markdown):
        return text
    line = visible(text)
    pieces = [_reference(line, index) for index in range(len(line) if limit is None else min(len(line), limit + 1))]
    if limit is None or sum(map(len, pieces)) <= limit:
        return Markdown("".join(pieces))
    ends = takewhile(lambda end: end < limit, accumulate(map(len, pieces)))
    return Markdown("".join(pieces[: len(list(ends))]) + "…")


def _with_code(text: str) -> Markup:
    parts = COMMAND.split(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if index % 2 else escape(part) for index, part in enumerate(parts))


def _shown(character: str, before: str) -> str:
    hidden = unicodedata.category(character)[0] == "C" and not (character in JOINERS and not before.isascii())
    return f"\\u{ord(character):04x}" if hidden else character


def _reference(line: str, index: int) -> str:
    character = line[index]
    starts_an_address = character == "." and line[max(index - 3, 0) : index].casefold() == "www"
    return f"&#{ord(character)};" if character in ACTIVE or starts_an_address else character
