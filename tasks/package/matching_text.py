"""A text that matches a pattern, so that a reference request has keys that the contract accepts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from string import ascii_letters, digits
from typing import Any

import numpy as np

CHARACTERS = f"{ascii_letters}{digits}-_ .:/"
MORE_REPEATS = 2
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: str.isdigit,
    codes.CATEGORY_NOT_DIGIT: lambda one: not one.isdigit(),
    codes.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    codes.CATEGORY_NOT_WORD: lambda one: not (one.isalnum() or one == "_"),
}


def matching_text(pattern: str, rng: np.random.Generator) -> str | None:
    r"""Return a text that matches a pattern of those that `pattern_fault` lets through; None if none was found.

    Examples
    --------
    >>> text = matching_text(r"^(c|web-)\d{4}$", np.random.default_rng(0))
    >>> re.search(r"^(c|web-)\d{4}$", text) is not None
    True
    """
    text = "".join(_texts(parser.parse(pattern), rng))
    return text if re.search(pattern, text) else None


def _texts(items: Iterable[Any], rng: np.random.Generator) -> Iterable[str]:
    for code, argument in items:
        if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            low, high, repeated = argument
            most = low + MORE_REPEATS if high is codes.MAXREPEAT else min(high, low + MORE_REPEATS)
            for _ in range(int(rng.integers(low, most, endpoint=True))):
                yield from _texts(repeated, rng)
        elif code is codes.SUBPATTERN:
            yield from _texts(argument[-1], rng)
        elif code is codes.BRANCH:
            yield from _texts(argument[1][int(rng.integers(len(argument[1])))], rng)
        elif code is not codes.AT:
            yield _character(argument if code is codes.IN else [(code, argument)], rng)


def _character(members: Sequence[Any], rng: np.random.Generator) -> str:
    """Return a character of a set; a literal one may be any character, others are of a few."""
    known = [chr(argument) for code, argument in members if code is codes.LITERAL]
    fitting = [one for one in dict.fromkeys([*known, *CHARACTERS]) if _is_in(one, members)]
    return fitting[int(rng.integers(len(fitting)))] if fitting else ""


def _is_in(one: str, members: Sequence[Any]) -> bool:
    found, negated = False, False
    for code, argument in members:
        negated = negated or code is codes.NEGATE
        found = (
            found
            or code is codes.ANY
            or (code is codes.LITERAL and ord(one) == argument)
            or (code is codes.NOT_LITERAL and ord(one) != argument)
            or (code is codes.RANGE and argument[0] <= ord(one) <= argument[1])
            or (code is codes.CATEGORY and CATEGORIES[argument](one))
        )
    return found != negated
