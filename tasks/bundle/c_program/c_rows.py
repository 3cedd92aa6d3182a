"""How C reads a row and checks it: the columns that the model or a rule of the contract reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.bundle.c_program.c_pattern import MOST_STEPS, TooLongError, pattern_tables
from tasks.bundle.c_program.c_values import c_array, c_members, c_number, c_text
from tasks.errors import DataError
from tasks.inference.schema import ModelSchema
from tasks.row_contract import RowContract, RowRule
from tasks.row_contract.row_reader import cells

TYPES = {
    "number": ("double ", "a number; NAN is missing"),
    "boolean": ("int ", "1 or 0; -1 is missing"),
    "category": ("const char *", "a text in UTF-8; NULL is missing"),
    "time": ("const char *", "2026-01-31 or 2026-01-31T08:30:00, wall clock of the project; NULL is missing"),
}
NOTHING = {"number": "NAN", "boolean": "-1", "category": "NULL", "time": "NULL"}


@dataclass
class CRows:
    """The columns of a row in C.

    Attributes
    ----------
    kinds : dict of str to str
        The kind of each column that is read, in the order of the contract.
    members : dict of str to str
        Its name in C.
    needs : set of str
        The parts of the runtime that read and check it.
    tables : list of str
        The definitions of constants.
    most_steps : int
        The steps of the longest pattern.
    """

    kinds: dict[str, str]
    members: dict[str, str]
    needs: set[str] = field(default_factory=set)
    tables: list[str] = field(default_factory=list)
    most_steps: int = 0

    def __post_init__(self) -> None:
        self.needs |= set(self.kinds.values())
        if self.needs & {"category", "time"}:
            self.needs.add("texts")

    def place(self, name: str) -> int:
        """Return the number of a column's cell."""
        return list(self.kinds).index(name)

    def cell(self, name: str) -> str:
        """Return the cell of a column."""
        return f"cells[{self.place(name)}]"

    def texts(self, name: str, texts: Sequence[str]) -> str:
        """Define a table of texts; return its name and its length, as arguments of `place_of`."""
        self.needs.add("places")
        entries = "".join(f"    {{{c_text(text)}, {len(text.encode())}}},\n" for text in texts)
        self.tables.append(f"static const struct entry {name}[] = {{\n{entries or '    {NULL, 0},'}}};\n")
        return f"{name}, {len(texts)}"


def c_rows(contract: RowContract, schema: ModelSchema) -> CRows:
    """Return the columns that the model or a rule reads."""
    read = {*schema.columns, *(name for rule in contract.rules for name in rule.columns)}
    kinds = {name: kind for name, _, kind in cells(contract) if name in read}
    return CRows(kinds, c_members(list(kinds)))


def row_struct(rows: CRows) -> str:
    """Return the members of the struct of a row."""
    shown = []
    for name, kind in rows.kinds.items():
        kind_in_c, said = TYPES[kind]
        shown.append(f"    {kind_in_c}{rows.members[name]}; /* {c_text(name)}: {said} */\n")
    return "".join(shown)


def reading_code(rows: CRows, contract: RowContract) -> str:
    """Return the functions that make an empty row, read a row, and check the rules."""
    empty = "".join(f"    row.{rows.members[name]} = {NOTHING[kind]};\n" for name, kind in rows.kinds.items())
    read = "".join(
        f"    if ((fault = read_{kind}(row->{rows.members[name]}, &{rows.cell(name)})))\n"
        f"        return refuse(answer, fault, {c_text(name)});\n"
        for name, kind in rows.kinds.items()
    )
    checks = [(rule, _condition(rule, number, rows)) for number, rule in enumerate(contract.rules)]
    checked = "".join(
        f"    if (!({condition}))\n"
        f"        return refuse(answer, {c_text(rule.rule)}, {c_text(', '.join(rule.columns))});\n"
        for rule, condition in checks
    )
    return (
        f"struct leeway_row leeway_no_values(void)\n{{\n    struct leeway_row row;\n{empty}    return row;\n}}\n\n"
        "static int read_row(const struct leeway_row *row, struct cell *cells, struct leeway_answer *answer)\n"
        f"{{\n    const char *fault;\n{read}    return 0;\n}}\n\n"
        "static int breaks_rule(const struct cell *cells, struct leeway_answer *answer)\n"
        f"{{\n    (void)cells, (void)answer;\n{checked}    return 0;\n}}\n"
    )


def _condition(rule: RowRule, number: int, rows: CRows) -> str:
    """Return the condition that a row which satisfies a rule has; see `tasks.row_contract.row_rules`."""
    found = [rows.cell(name) for name in rule.columns]
    kind = rule.rule.removeprefix("expect_column_")
    if kind == "values_to_not_be_null":
        return f"{found[0]}.present"
    if kind == "values_to_be_null":
        return f"!{found[0]}.present"
    if kind.startswith("pair_"):
        return _pair(found, rule.limits, kind)
    test = _TESTS[kind](found[0], rule, number, rows)
    return f"!{found[0]}.present || {test}"


def _pair(found: Sequence[str], limits: Mapping[str, Any], kind: str) -> str:
    one, other = found
    ignored = limits.get("ignore_row_if", "both_values_are_missing")
    missing = {
        "either_value_is_missing": "1",
        "both_values_are_missing": f"(!{one}.present && !{other}.present)",
    }.get(ignored, "0")
    sign = "==" if kind == "pair_values_to_be_equal" else ">=" if limits.get("or_equal") else ">"
    return f"{one}.present && {other}.present ? {one}.number {sign} {other}.number : {missing}"


def _within(value: str, limits: Mapping[str, Any], rows: CRows) -> str:
    rows.needs.add("between")
    low, high = limits.get("min_value"), limits.get("max_value")
    ends = (c_number(-float("inf") if low is None else low), c_number(float("inf") if high is None else high))
    strict = (int(bool(limits.get("strict_min"))), int(bool(limits.get("strict_max"))))
    return f"is_within({value}, {ends[0]}, {ends[1]}, {strict[0]}, {strict[1]})"


def _between(cell: str, rule: RowRule, _: int, rows: CRows) -> str:
    return _within(f"{cell}.number", rule.limits, rows)


def _lengths(cell: str, rule: RowRule, _: int, rows: CRows) -> str:
    return _within(_length_of(cell), rule.limits, rows)


def _length(cell: str, rule: RowRule, _: int, __: CRows) -> str:
    return f"{_length_of(cell)} == {c_number(rule.limits['value'])}"


def _length_of(cell: str) -> str:
    return f"(double)characters({cell}.text, {cell}.length)"


def _member(cell: str, rule: RowRule, number: int, rows: CRows) -> str:
    members, name = rule.limits["value_set"], f"rule_{number}"
    if rows.kinds[rule.columns[0]] == "category":
        return f"place_of(&{cell}, {rows.texts(name, members)}) >= 0"
    rows.needs.add("number_set")
    rows.tables.append(c_array("double", name, members))
    return f"is_member({cell}.number, {name}, {len(members)})"


def _no_member(cell: str, rule: RowRule, number: int, rows: CRows) -> str:
    return f"!({_member(cell, rule, number, rows)})"


def _pattern(cell: str, rule: RowRule, number: int, rows: CRows) -> str:
    name = f"rule_{number}"
    try:
        steps, ranges = pattern_tables(name, rule.limits["regex"])
    except TooLongError:
        raise DataError(
            f"{rule.reason}: its pattern has more than {MOST_STEPS} steps, too many for C. Shorten its repetitions, "
            "make its severity a warning, or use another form"
        ) from None
    rows.needs.add("pattern")
    rows.tables += [steps, ranges]
    rows.most_steps = max(rows.most_steps, steps.count("\n") - 2)
    return f"is_found({name}, (int)(sizeof {name} / sizeof {name}[0]), {name}_range, &{cell})"


def _no_pattern(cell: str, rule: RowRule, number: int, rows: CRows) -> str:
    return f"!{_pattern(cell, rule, number, rows)}"


_TESTS: Mapping[str, Callable[[str, RowRule, int, CRows], str]] = {
    "values_to_be_between": _between,
    "values_to_be_in_set": _member,
    "values_to_not_be_in_set": _no_member,
    "values_to_match_regex": _pattern,
    "values_to_not_match_regex": _no_pattern,
    "value_lengths_to_be_between": _lengths,
    "value_lengths_to_equal": _length,
}
