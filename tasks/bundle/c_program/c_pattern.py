"""Patterns of a contract as tables of C: the steps of an automaton, which is in all of its states at once.

K. Thompson (1968), Regular expression search algorithm. A text is read once, whatever the pattern, and nothing is
allocated. `tasks.package.checkable_rules` has refused what such an automaton cannot do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from re import _constants as codes  # type: ignore[attr-defined]  # the parser of patterns has no public interface
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

from tasks.bundle.c_program.c_values import c_array

LAST_CHARACTER = 0x10FFFF
MOST_STEPS = 2000
KINDS = ("CHARACTER", "SPLIT", "JUMP", "BEGIN", "END", "MATCH")


class TooLongError(ValueError):
    """A pattern has more steps than a small device has room for."""


@dataclass
class Automaton:
    """The steps of a pattern, each with two numbers, and the ranges of characters that its steps name.

    A CHARACTER names its ranges by their start and count; SPLIT and JUMP name the steps that follow.
    """

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def add(self, kind: str, a: int = 0, b: int = 0) -> int:
        """Add a step; return its number."""
        if len(self.steps) >= MOST_STEPS:
            raise TooLongError
        self.steps.append((kind, a, b))
        return len(self.steps) - 1

    def add_all(self, items: Iterable[Any]) -> None:
        """Add the steps of a part of a pattern."""
        for code, argument in items:
            if code is codes.SUBPATTERN:
                self.add_all(argument[3])
            elif code is codes.BRANCH:
                self._add_branches(argument[1])
            elif code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
                self._add_repeat(*argument)
            elif code is codes.AT:
                self.add("END" if argument is codes.AT_END else "BEGIN")
            else:
                found = ranges_of(code, argument)
                self.add("CHARACTER", len(self.ranges), len(found))
                self.ranges += found

    def _add_branches(self, parts: Sequence[Any]) -> None:
        ends = []
        for part in parts[:-1]:
            split = self.add("SPLIT")
            self.add_all(part)
            ends.append(self.add("JUMP"))
            self.steps[split] = ("SPLIT", split + 1, len(self.steps))
        self.add_all(parts[-1])
        for end in ends:
            self.steps[end] = ("JUMP", len(self.steps), 0)

    def _add_repeat(self, low: int, high: Any, repeated: Sequence[Any]) -> None:
        for _ in range(low):
            self.add_all(repeated)
        if high is codes.MAXREPEAT:
            split = self.add("SPLIT")
            self.add_all(repeated)
            self.add("JUMP", split)
            self.steps[split] = ("SPLIT", split + 1, len(self.steps))
            return
        splits = []
        for _ in range(high - low):
            splits.append(self.add("SPLIT"))
            self.add_all(repeated)
        for split in splits:
            self.steps[split] = ("SPLIT", split + 1, len(self.steps))


def automaton(pattern: str) -> Automaton:
    """Return the automaton that finds a pattern anywhere in a text.

    Raises
    ------
    TooLongError
        It has more than 2,000 steps.

    Examples
    --------
    >>> automaton("^a|[0-9]").steps[:3]
    [('SPLIT', 1, 4), ('BEGIN', 0, 0), ('CHARACTER', 0, 1)]
    """
    made = Automaton()
    made.add_all(parser.parse(pattern))
    made.add("MATCH")
    return made


def pattern_tables(name: str, pattern: str) -> list[str]:
    """Return the definitions of the steps and the ranges of a pattern."""
    made = automaton(pattern)
    steps = "".join(f"    {{{kind}, {a}, {b}}},\n" for kind, a, b in made.steps)
    numbers = [number for ends in made.ranges for number in ends]
    return [f"static const struct step {name}[] = {{\n{steps}}};\n", c_array("uint32_t", f"{name}_range", numbers)]


def ranges_of(code: Any, argument: Any) -> list[tuple[int, int]]:
    """Return the characters that one step of a pattern accepts."""
    if code is codes.LITERAL:
        return [(argument, argument)]
    if code is codes.NOT_LITERAL:
        return complement([(argument, argument)])
    if code is codes.ANY:
        return complement([(10, 10)])
    negated = argument[0][0] is codes.NEGATE
    found = [ends for member in argument[negated:] for ends in _member(*member)]
    return complement(found) if negated else found


def _member(code: Any, argument: Any) -> list[tuple[int, int]]:
    if code is codes.LITERAL:
        return [(argument, argument)]
    if code is codes.RANGE:
        return [argument]
    is_digit = argument in {codes.CATEGORY_DIGIT, codes.CATEGORY_NOT_DIGIT}
    found = characters_where(str.isdecimal if is_digit else _is_word)
    return complement(found) if argument in {codes.CATEGORY_NOT_DIGIT, codes.CATEGORY_NOT_WORD} else list(found)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


@cache
def characters_where(holds: Callable[[str], bool]) -> tuple[tuple[int, int], ...]:
    """Return the ranges of the characters of Unicode for which a condition holds."""
    found: list[tuple[int, int]] = []
    for number in range(LAST_CHARACTER + 1):
        if not holds(chr(number)):
            continue
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def complement(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the characters that are in none of some ranges.

    >>> complement([(10, 20), (5, 12), (0, 1)])
    [(2, 4), (21, 1114111)]
    """
    found, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return [*found, (start, LAST_CHARACTER)] if start <= LAST_CHARACTER else found
