"""The project's Great Expectations suite: read once, checked, and kept as data that threads can share."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import ContractError, nearest
from tasks.spec.own_names import apart
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite_parameters import with_parameters


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation as written in the file, and the columns that it mentions."""

    configuration: dict[str, Any]
    columns: tuple[str, ...]

    @property
    def rule(self) -> str:
        """Its type, such as expect_column_values_to_not_be_null."""
        return str(self.configuration["type"])

    @property
    def limits(self) -> dict[str, Any]:
        """What it expects, without the columns."""
        return {key: value for key, value in self.configuration["kwargs"].items() if not key.startswith("column")}


@dataclass(frozen=True, slots=True)
class Suite:
    """A project's expectations and the file they come from."""

    path: Path
    expectations: tuple[Expectation, ...] = ()

    def about(self, column: str) -> Suite:
        """Return the expectations that mention a column."""
        return Suite(self.path, tuple(rule for rule in self.expectations if column in rule.columns))

    def within(self, columns: Collection[str]) -> Suite:
        """Return the expectations that mention columns, all of them among these."""
        within = tuple(rule for rule in self.expectations if rule.columns and set(rule.columns) <= set(columns))
        return Suite(self.path, within)

    def of_rows(self, spec: ProjectSpec) -> Suite:
        """Return the expectations for rows: none about labels or feature tables, which land separately.

        Nor about what would be made of files, where no code of the project is run.
        """
        separate = {name for table in spec.features.tables for name in table.columns.all}
        if spec.source.files is not None and spec.features.function is None:
            separate |= set(spec.features.made.all)
        if spec.source.label.uri is not None:
            separate.add(spec.source.label.column)
        return Suite(self.path, tuple(rule for rule in self.expectations if separate.isdisjoint(rule.columns)))


def read_suite(path: Path, spec: ProjectSpec) -> Suite:
    """Return the suite in a file, in the JSON format of Great Expectations.

    Parameters
    ----------
    path : Path
        The project's expectations.json.
    spec : ProjectSpec
        An expectation may mention only its columns; `contract.parameters` are the values of `$PARAMETER`s.

    Raises
    ------
    ContractError
        When the file is missing, is not a suite, or names unknown expectations, columns or parameters; one fault a
        line.
    """
    configurations = [
        _with_inside_names(rule, spec)
        for rule in with_parameters(_configurations(path), spec.contract.parameters, path)
    ]
    suite = Suite(path, tuple(Expectation(rule, _columns_of(rule)) for rule in configurations))
    faults = [f"{path}: {fault}" for rule in suite.expectations for fault in _column_faults(rule, spec)]
    if faults:
        raise ContractError("\n".join(faults))
    with quiet_great_expectations():
        built(suite)
    return suite


def orphans(path: Path, spec: ProjectSpec) -> list[Expectation]:
    """Return the expectations of a file with no column that the spec still has, except where a name may be mistyped.

    Raises
    ------
    ContractError
        When the file is not a suite.
    """
    known = _known_columns(spec)
    rules = [Expectation(rule, _columns_of(rule)) for rule in _configurations(path)]
    inside = [(rule, _columns_of(_with_inside_names(rule.configuration, spec))) for rule in rules]
    lost = ((rule, names) for rule, names in inside if names and set(names).isdisjoint(known))
    return [rule for rule, names in lost if not any(nearest(name, known) for name in names)]


def _known_columns(spec: ProjectSpec) -> list[str]:
    return list(dict.fromkeys(name for names in _landing_groups(spec).values() for name in names))


def _landing_groups(spec: ProjectSpec) -> dict[str, Sequence[str]]:
    """Return the columns of what lands separately, by its name in words."""
    groups: dict[str, Sequence[str]] = {"the rows": spec.row_columns}
    label = spec.source.label
    if label.uri is not None:
        groups["the labels"] = [label.column]
    return groups | {f"feature table {table.name!r}": table.columns.all for table in spec.features.tables}


def _column_faults(expectation: Expectation, spec: ProjectSpec) -> Iterator[str]:
    """Yield what is wrong with the columns that an expectation mentions."""
    groups, columns = _landing_groups(spec), _known_columns(spec)
    unknown = [name for name in dict.fromkeys(expectation.columns) if name not in columns]
    for column in unknown:
        yield (
            f"{expectation.rule} mentions column {column!r}; expected a column of project.yaml"
            f"{nearest(column, columns)}. Correct the name, or list the column there"
        )
    if not unknown and not any(set(expectation.columns) <= set(names) for names in groups.values()):
        yield (
            f"{expectation.rule} compares {list(expectation.columns)}, which land separately; expected columns of one "
            f"of {', '.join(groups)}. Remove it, or split it"
        )


def built(suite: Suite) -> Any:
    """Return the suite as an object of Great Expectations; call inside `quiet_great_expectations`.

    Raises
    ------
    ContractError
        When it refuses expectations; one a line.
    """
    from great_expectations import ExpectationSuite

    # All at once: added one by one, an expectation replaces an earlier one of its type on the same column.
    expectations, faults = [], []
    for number, expectation in enumerate(suite.expectations):
        try:
            # The result has the same number, for results are in any order.
            expectations.append(_configuration(expectation, number).to_domain_obj())
        except Exception as error:  # noqa: BLE001 - its own errors have no common ancestor
            faults.append(
                f"{suite.path}: Great Expectations refuses {expectation.rule} on {list(expectation.columns)}: "
                f"{_shortened(error)}. "
                "Correct it; its documentation lists every expectation and its arguments"
            )
    if faults:
        raise ContractError("\n".join(faults))
    return ExpectationSuite(name=suite.path.stem, expectations=expectations)


def _configuration(expectation: Expectation, number: int) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    text = expectation.configuration
    meta = {**(text.get("meta") or {}), "number": number}
    return ExpectationConfiguration(
        type=text["type"], kwargs=dict(text["kwargs"]), meta=meta, severity=text.get("severity", "critical")
    )


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _configurations(path: Path) -> Sequence[dict[str, Any]]:
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(
            f"{path} cannot be read ({error}); expected a Great Expectations suite in JSON: correct it, "
            'or start with {"name": "mine", "expectations": []}'
        ) from error
    rules = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(rules, list):
        raise ContractError(f"{path} has no list 'expectations'; expected a suite as Great Expectations writes it")
    for number, rule in enumerate(rules, start=1):
        if not (isinstance(rule, dict) and isinstance(rule.get("type"), str) and isinstance(rule.get("kwargs"), dict)):
            raise ContractError(
                f"{path}: expectation {number} lacks 'type' or 'kwargs'; expected both, as in GX's own JSON"
            )
    return rules


def _with_inside_names(rule: dict[str, Any], spec: ProjectSpec) -> dict[str, Any]:
    """Return an expectation with the names that columns have inside: see `tasks.spec.own_names`."""
    names = apart(_columns_of(rule), wanted=[name for table in spec.features.tables for name in table.columns.all])
    if not names:
        return rule

    def inside(value: Any) -> Any:
        if isinstance(value, list):
            return [inside(one) for one in value]
        return names.get(value, value) if isinstance(value, str) else value

    kwargs = {key: inside(value) if key.startswith("column") else value for key, value in rule["kwargs"].items()}
    return {**rule, "kwargs": kwargs}


def _columns_of(configuration: dict[str, Any]) -> tuple[str, ...]:
    kwargs = configuration["kwargs"]
    single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return tuple(str(name) for name in [*single, *kwargs.get("column_list", [])])
