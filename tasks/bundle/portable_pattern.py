r"""Patterns of Python as those of JavaScript, with the same meaning; only what a row contract may have.

`tasks.package.checkable_rules` has refused all others: lookarounds, flags, references and blanks. In Python `\d` is any
decimal digit of Unicode and `\w` any letter, digit or underscore; in JavaScript, both are of ASCII.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from re import _constants as codes  # type: ignore[attr-defined]  # the parser of patterns has no public interface
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

_MEMBERS = {
    codes.CATEGORY_DIGIT: r"\p{Nd}",
    codes.CATEGORY_NOT_DIGIT: r"\P{Nd}",
    codes.CATEGORY_WORD: r"\p{L}\p{N}_",
    codes.CATEGORY_NOT_WORD: r"[^\p{L}\p{N}_]",
}


def portable_pattern(pattern: str) -> str:
    r"""Return a pattern for `new RegExp(pattern, "v")`.

    Examples
    --------
    >>> portable_pattern(r"^98\d{3}$")
    '^\\u{39}\\u{38}[\\p{Nd}]{3,3}(?=\\n?$)'
    >>> portable_pattern("(a|b.)+-[^x-z]")
    '(?:(?:\\u{61}|\\u{62}[^\\n])){1,}\\u{2d}[^\\u{78}-\\u{7a}]'
    """
    return _all(parser.parse(pattern))


def _all(items: Iterable[Any]) -> str:
    return "".join(_one(code, argument) for code, argument in items)


def _one(code: Any, argument: Any) -> str:
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
        low, high, repeated = argument
        most = "" if high is codes.MAXREPEAT else int(high)
        inner = _all(repeated)
        return f"{inner if len(repeated) == 1 else f'(?:{inner})'}{{{low},{most}}}"
    return _MADE[code](argument)


def _set(members: Any) -> str:
    negated = members[0][0] is codes.NEGATE
    inside = "".join(_member(*each) for each in members[negated:])
    return f"[{'^' if negated else ''}{inside}]"


def _member(code: Any, argument: Any) -> str:
    if code is codes.LITERAL:
        return _character(argument)
    if code is codes.RANGE:
        return "-".join(map(_character, argument))
    return _MEMBERS[argument]


def _character(number: int) -> str:
    return rf"\u{{{number:x}}}"


_MADE: dict[Any, Callable[[Any], str]] = {
    codes.LITERAL: _character,
    codes.NOT_LITERAL: lambda number: f"[^{_character(number)}]",
    codes.ANY: lambda _: r"[^\n]",
    codes.IN: _set,
    codes.SUBPATTERN: lambda group: f"(?:{_all(group[3])})",
    codes.BRANCH: lambda parts: f"(?:{'|'.join(_all(part) for part in parts[1])})",
    codes.AT: lambda place: r"(?=\n?$)" if place is codes.AT_END else "^",
}
