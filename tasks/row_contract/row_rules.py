"""Checks of single rows: the critical expectations of a suite, as Great Expectations evaluates them on a column.

Values are typed (`tasks.row_contract.cell_values`); None is missing. Which rules can be checked here is decided when a
contract is compiled (`tasks.package`); a rule about missing values apart, a missing value satisfies every rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a bundle has this module without its contract's
    from tasks.row_contract.compiled_contract import RowRule

Values = Mapping[str, Any]
Check = Callable[[Values], bool]


def check_of(rule: RowRule) -> Check:
    """Return the function that says whether a row satisfies a rule.

    Examples
    --------
    >>> from tasks.row_contract.compiled_contract import RowRule
    >>> limits = {"min_value": 1, "max_value": 3, "strict_max": True}
    >>> check = check_of(RowRule(rule="expect_column_values_to_be_between", columns=("rooms",), limits=limits))
    >>> [check({"rooms": value}) for value in (1.0, 3.0, None)]
    [True, False, True]
    """
    return CHECKS[rule.rule](rule)


def _of_value(test: Callable[[Any], bool], rule: RowRule) -> Check:
    (name,) = rule.columns

    def check(values: Values) -> bool:
        value = values[name]
        return value is None or test(value)

    return check


def _not_null(rule: RowRule) -> Check:
    (name,) = rule.columns
    return lambda values: values[name] is not None


def _null(rule: RowRule) -> Check:
    (name,) = rule.columns
    return lambda values: values[name] is None


def _between(rule: RowRule) -> Check:
    return _of_value(_within(rule.limits), rule)


def _lengths_between(rule: RowRule) -> Check:
    within = _within(rule.limits)
    return _of_value(lambda text: within(len(text)), rule)


def _length(rule: RowRule) -> Check:
    wanted = rule.limits["value"]
    return _of_value(lambda text: len(text) == wanted, rule)


def _in_set(rule: RowRule) -> Check:
    members = frozenset(rule.limits["value_set"])
    return _of_value(members.__contains__, rule)


def _not_in_set(rule: RowRule) -> Check:
    members = frozenset(rule.limits["value_set"])
    return _of_value(lambda value: value not in members, rule)


def _regex(rule: RowRule) -> Check:
    search = re.compile(rule.limits["regex"]).search
    return _of_value(lambda text: search(text) is not None, rule)


def _not_regex(rule: RowRule) -> Check:
    search = re.compile(rule.limits["regex"]).search
    return _of_value(lambda text: search(text) is None, rule)


def _first_greater(rule: RowRule) -> Check:
    larger, smaller = rule.columns
    or_equal = bool(rule.limits.get("or_equal"))

    def compare(one: Any, other: Any) -> bool:
        return bool(one > other or (or_equal and one == other))

    return _of_pair(larger, smaller, rule, compare)


def _equal(rule: RowRule) -> Check:
    one, other = rule.columns
    return _of_pair(one, other, rule, lambda a, b: bool(a == b))


def _of_pair(one: str, other: str, rule: RowRule, compare: Callable[[Any, Any], bool]) -> Check:
    ignored = rule.limits.get("ignore_row_if", "both_values_are_missing")

    def check(values: Values) -> bool:
        a, b = values[one], values[other]
        if a is not None and b is not None:
            return compare(a, b)
        if ignored == "either_value_is_missing":
            return True
        return bool(a is None and b is None and ignored == "both_values_are_missing")

    return check


def _within(limits: Mapping[str, Any]) -> Callable[[Any], bool]:
    low, high = limits.get("min_value"), limits.get("max_value")
    above = bool(limits.get("strict_min"))
    below = bool(limits.get("strict_max"))

    def within(value: Any) -> bool:
        if low is not None and (value <= low if above else value < low):
            return False
        return high is None or bool(value < high if below else value <= high)

    return within


CHECKS: dict[str, Callable[[RowRule], Check]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_match_regex": _regex,
    "expect_column_values_to_not_match_regex": _not_regex,
    "expect_column_value_lengths_to_be_between": _lengths_between,
    "expect_column_value_lengths_to_equal": _length,
    "expect_column_pair_values_a_to_be_greater_than_b": _first_greater,
    "expect_column_pair_values_to_be_equal": _equal,
}
