"""Which expectations are about each row by itself, and which are about a delivery as a whole.

The former can be evaluated on any rows together, and on a large delivery chunk by chunk; the latter (counts, means,
uniqueness, order, and all that tolerate a share of bad rows) only on all rows of one delivery at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.validate.contract.suite import Expectation, Suite

EACH_ROW_BY_ITSELF = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_null",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_multicolumn_sum_to_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)
ONLY_THE_COLUMNS = frozenset(
    {
        "expect_column_to_exist",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
ONLY_THE_COUNT = frozenset({"expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"})
CHANGES_THE_ROWS = ("mostly", "row_condition", "condition_parser")


def is_about_each_row(expectation: Expectation) -> bool:
    """Return whether the result of an expectation for a row depends on that row alone.

    Examples
    --------
    >>> limits = {"column": "rooms", "max_value": 40}
    >>> rule = "expect_column_values_to_be_between"
    >>> is_about_each_row(Expectation({"type": rule, "kwargs": limits}, ("rooms",)))
    True
    >>> is_about_each_row(Expectation({"type": rule, "kwargs": {**limits, "mostly": 0.9}}, ("rooms",)))
    False
    """
    tolerant = any(expectation.limits.get(key) for key in CHANGES_THE_ROWS)
    return expectation.rule in EACH_ROW_BY_ITSELF and not tolerant


def split_by_scope(suite: Suite) -> tuple[Suite, Suite]:
    """Return the expectations about each row by itself, and those about a delivery as a whole."""
    each_row = tuple(rule for rule in suite.expectations if is_about_each_row(rule))
    delivery = tuple(rule for rule in suite.expectations if not is_about_each_row(rule))
    return Suite(suite.path, each_row), Suite(suite.path, delivery)


def columns_read(expectation: Expectation, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that must be loaded to evaluate an expectation.

    An expectation that names no column may need any: all columns are returned, unless it is one that needs none.

    Examples
    --------
    >>> condition = {"column": "rooms", "row_condition": 'col("zip").notnull()', "condition_parser": "pandas"}
    >>> columns_read(Expectation({"type": "expect_column_max_to_be_between", "kwargs": condition}, ("rooms",)),
    ...              ["rooms", "size", "zip"])
    ('rooms', 'zip')
    """
    if expectation.rule in ONLY_THE_COLUMNS | ONLY_THE_COUNT and not expectation.limits.get("row_condition"):
        return ()
    condition = str(expectation.limits.get("row_condition") or "")
    named = {*expectation.columns, *(name for name in columns if name in condition)}
    return tuple(name for name in columns if name in named) if named else tuple(columns)
