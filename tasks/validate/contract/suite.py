"""The project's Great Expectations suite: read once, proven usable, kept as plain data that any thread may share."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import ContractError, nearest
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite_parameters import with_parameters


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation as it stands in the file, the columns it speaks of, and how much it weighs."""

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
        """Return the expectations that speak of a column."""
        return Suite(self.path, tuple(each for each in self.expectations if column in each.columns))

    def within(self, columns: Collection[str]) -> Suite:
        """Return the expectations that speak of columns, and only of these."""
        chosen = tuple(each for each in self.expectations if each.columns and set(each.columns) <= set(columns))
        return Suite(self.path, chosen)

    def of_rows(self, spec: ProjectSpec) -> Suite:
        """Return what is asked of a delivery of rows: not what lands apart, the label or columns of feature tables."""
        apart = {name for table in spec.features.tables for name in table.columns.all}
        if spec.source.label.uri is not None:
            apart.add(spec.source.label.column)
        return Suite(self.path, tuple(each for each in self.expectations if apart.isdisjoint(each.columns)))


def read_suite(path: Path, spec: ProjectSpec) -> Suite:
    """Return the suite in a file, in the JSON that Great Expectations itself writes.

    Parameters
    ----------
    path : Path
        The project's expectations.json.
    spec : ProjectSpec
        An expectation may speak only of the columns named there; `contract.parameters` fill its `$PARAMETER`s.

    Raises
    ------
    ContractError
        When the file is missing, is not a suite, or names unknown expectations, columns or parameters: each on a line
        of its own.
    """
    configurations = with_parameters(_configurations(path), spec.contract.parameters, path)
    suite = Suite(path, tuple(Expectation(each, _columns_of(each)) for each in configurations))
    faults = [f"{path}: {fault}" for each in suite.expectations for fault in _misnamed(each, spec)]
    if faults:
        raise ContractError("\n".join(faults))
    with quiet_great_expectations():
        built(suite)
    return suite


def _misnamed(expectation: Expectation, spec: ProjectSpec) -> Iterator[str]:
    """Yield what is wrong with the columns an expectation speaks of."""
    groups, label = {"the rows": spec.row_columns}, spec.source.label
    if label.uri is not None:
        groups["the labels"] = [label.column]
    groups |= {f"feature table {table.name!r}": table.columns.all for table in spec.features.tables}
    known = list(dict.fromkeys(name for names in groups.values() for name in names))
    unknown = [name for name in dict.fromkeys(expectation.columns) if name not in known]
    for column in unknown:
        yield (
            f"{expectation.rule} speaks of column {column!r}; expected a column of project.yaml"
            f"{nearest(column, known)}. Correct the name, or list the column there"
        )
    if not unknown and not any(set(expectation.columns) <= set(names) for names in groups.values()):
        yield (
            f"{expectation.rule} compares {list(expectation.columns)}, which land apart; expected columns of one of "
            f"{', '.join(groups)}. Take it out, or split it"
        )


def built(suite: Suite) -> Any:
    """Return the suite as Great Expectations' own object; call inside `quiet_great_expectations`.

    Raises
    ------
    ContractError
        When it refuses expectations: each on a line of its own.
    """
    from great_expectations import ExpectationSuite

    # Put together at once: one by one, each would take the place of an earlier one of its type on the same column.
    made, faults = [], []
    for number, each in enumerate(suite.expectations):
        try:
            # The number comes back with the result, which may come in any order.
            made.append(_configuration(each, number).to_domain_obj())
        except Exception as error:  # noqa: BLE001 - its own errors have no common ancestor
            faults.append(
                f"{suite.path}: Great Expectations refuses {each.rule} on {list(each.columns)}: {_first_line(error)}. "
                "Correct it; its documentation lists every expectation and its arguments"
            )
    if faults:
        raise ContractError("\n".join(faults))
    return ExpectationSuite(name=suite.path.stem, expectations=made)


def _configuration(expectation: Expectation, number: int) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    text = expectation.configuration
    meta = {**(text.get("meta") or {}), "number": number}
    return ExpectationConfiguration(
        type=text["type"], kwargs=dict(text["kwargs"]), meta=meta, severity=text.get("severity", "critical")
    )


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _configurations(path: Path) -> Sequence[dict[str, Any]]:
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(
            f"{path} cannot be read ({error}); expected a Great Expectations suite in JSON: correct it, "
            'or start with {"name": "mine", "expectations": []}'
        ) from error
    found = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(found, list):
        raise ContractError(f"{path} has no list 'expectations'; expected a suite as Great Expectations writes it")
    for number, each in enumerate(found, start=1):
        if not (isinstance(each, dict) and isinstance(each.get("type"), str) and isinstance(each.get("kwargs"), dict)):
            raise ContractError(
                f"{path}: expectation {number} lacks 'type' or 'kwargs'; expected both, as in GX's own JSON"
            )
    return found


def _columns_of(configuration: dict[str, Any]) -> tuple[str, ...]:
    kwargs = configuration["kwargs"]
    single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return tuple(str(name) for name in [*single, *kwargs.get("column_list", [])])
