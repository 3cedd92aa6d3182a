"""Which expectations can be checked on single rows with the result that Great Expectations gives on a column.

A pattern must mean the same to the two engines: Great Expectations matches with RE2 or with Python, as pandas decides;
the service with Python. Patterns of literals, sets, digits, words, groups, alternatives and repetitions do. A text must
not be able to keep the matcher busy, so repetitions without an end are not nested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from re import _constants as codes  # type: ignore[attr-defined]  # the parser of patterns has no public interface
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

from tasks.row_contract.compiled_contract import RowRule
from tasks.row_contract.row_rules import CHECKS

MOST_OPEN_REPEATS = 2
MOST_REPEATS = 1000  # the limit of RE2
LIMITS_OF_NUMBERS = ("min_value", "max_value")
_PLAIN = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY}
_PLACES = {codes.AT_BEGINNING, codes.AT_END, codes.AT_BEGINNING_STRING}
_CATEGORIES = {codes.CATEGORY_DIGIT, codes.CATEGORY_NOT_DIGIT, codes.CATEGORY_WORD, codes.CATEGORY_NOT_WORD}
_IN_A_SET = {codes.LITERAL, codes.RANGE, codes.NEGATE}
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT}


def rule_fault(rule: RowRule, kinds: Mapping[str, str]) -> str | None:
    """Return why a rule cannot be checked on single rows; None if it can.

    Parameters
    ----------
    kinds : mapping of str to str
        The kind of each column: number, boolean, category or time.

    Examples
    --------
    >>> limits = {"min_value": 0, "max_value": 9}
    >>> rule = RowRule(rule="expect_column_values_to_be_between", columns=("rooms",), limits=limits)
    >>> rule_fault(rule, {"rooms": "number"}), rule_fault(rule, {"rooms": "category"})
    (None, 'it is about a category; expected a number')
    """
    if rule.rule not in CHECKS:
        return f"it is none of {', '.join(sorted(CHECKS))}"
    of_columns = {kinds[name] for name in rule.columns}
    if rule.rule.endswith("_be_null"):
        return None
    if "pair" in rule.rule:
        return None if of_columns in ({"number"}, {"time"}) else _expected(of_columns, "number or time")
    if rule.rule.endswith("_in_set"):
        return _set_fault(rule.limits.get("value_set"), of_columns)
    is_text = "length" in rule.rule or "regex" in rule.rule
    return _text_fault(rule, of_columns) if is_text else _range_fault(rule, of_columns)


def _range_fault(rule: RowRule, kinds: set[str]) -> str | None:
    limits = [rule.limits[name] for name in LIMITS_OF_NUMBERS if rule.limits.get(name) is not None]
    if not all(_is_number(limit) for limit in limits):
        return f"its limits are {limits}; expected numbers"
    return None if kinds == {"number"} else _expected(kinds, "number")


def _expected(kinds: set[str], wanted: str) -> str:
    return f"it is about a {' and a '.join(sorted(kinds))}; expected a {wanted}"


def _set_fault(members: Any, kinds: set[str]) -> str | None:
    if not isinstance(members, list):
        return f"its value_set is {members!r}; expected a list"
    if kinds == {"category"} and all(isinstance(member, str) for member in members):
        return None
    if kinds == {"number"} and all(_is_number(member) for member in members):
        return None
    return f"its values are not all of the kind of the column ({', '.join(sorted(kinds))})"


def _text_fault(rule: RowRule, kinds: set[str]) -> str | None:
    if kinds != {"category"}:
        return _expected(kinds, "category")
    if "regex" in rule.rule:
        return pattern_fault(str(rule.limits.get("regex")))
    limits = [rule.limits.get(name) for name in (*LIMITS_OF_NUMBERS, "value")]
    return None if all(limit is None or _is_number(limit) for limit in limits) else "its limits are not numbers"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def pattern_fault(pattern: str) -> str | None:
    r"""Return why a pattern is not matched alike by both engines, or may take too long; None if it is fine.

    Examples
    --------
    >>> pattern_fault(r"^98\d{3}$"), pattern_fault(r"(a|bc?)+-[^x-z]")
    (None, None)
    >>> pattern_fault(r"(?=a)b"), pattern_fault(r"(a+)+b")
    ('the pattern uses assert', 'the pattern nests repetitions without an end')
    """
    try:
        tree = parser.parse(pattern)
    except re.error as error:
        return f"Python cannot read the pattern: {error}"
    if tree.state.flags & ~re.UNICODE:
        return "the pattern sets flags"
    return next(_faults(tree, inside_open=False), None) or _too_many_open(tree)


def _faults(items: Iterable[Any], *, inside_open: bool) -> Iterator[str]:
    for code, argument in items:
        if code in _REPEATS:
            yield from _repeat_faults(argument, inside_open=inside_open)
        elif code is codes.SUBPATTERN:
            _, added, removed, part = argument
            if added or removed:
                yield "the pattern sets flags"
            yield from _faults(part, inside_open=inside_open)
        elif code is codes.BRANCH:
            for part in argument[1]:
                yield from _faults(part, inside_open=inside_open)
        elif code is codes.IN:
            if not all(_in_a_set(*member) for member in argument):
                yield "the pattern has a set with blanks"
        elif code not in _PLAIN and not (code is codes.AT and argument in _PLACES):
            yield f"the pattern uses {str(code).lower()}"


def _repeat_faults(argument: tuple[Any, Any, Iterable[Any]], *, inside_open: bool) -> Iterator[str]:
    low, high, repeated = argument
    is_open = high is codes.MAXREPEAT
    if is_open and inside_open:
        yield "the pattern nests repetitions without an end"
    if low > MOST_REPEATS or (not is_open and high > MOST_REPEATS):
        yield f"the pattern repeats more than {MOST_REPEATS} times"
    yield from _faults(repeated, inside_open=inside_open or is_open)


def _too_many_open(tree: Any) -> str | None:
    count = _open_repeats(tree)
    if count <= MOST_OPEN_REPEATS:
        return None
    return f"the pattern has {count} repetitions without an end; expected at most {MOST_OPEN_REPEATS}"


def _open_repeats(items: Iterable[Any]) -> int:
    count = 0
    for code, argument in items:
        if code in _REPEATS:
            count += (argument[1] is codes.MAXREPEAT) + _open_repeats(argument[2])
        elif code is codes.SUBPATTERN:
            count += _open_repeats(argument[3])
        elif code is codes.BRANCH:
            count += sum(map(_open_repeats, argument[1]))
    return count


def _in_a_set(code: Any, argument: Any) -> bool:
    return code in _IN_A_SET or (code is codes.CATEGORY and argument in _CATEGORIES)
