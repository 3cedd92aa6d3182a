"""The row contract of a project, compiled from its spec and the critical expectations about each row by itself."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.errors import DataError
from tasks.inference.schema import ModelSchema
from tasks.package.checkable_rules import rule_fault
from tasks.row_contract.compiled_contract import PLAIN, PROTOCOL, RowContract, RowRule, ServedFunction, ServedTable
from tasks.row_contract.row_reader import cells
from tasks.spec.own_names import delivered_name
from tasks.spec.project_spec import FeatureTable, ProjectSpec


def compile_contract(
    spec: ProjectSpec, rules: Sequence[RowRule], function: ServedFunction | None = None
) -> RowContract:
    """Return the row contract of a project.

    Parameters
    ----------
    rules : sequence of RowRule
        The critical expectations about each row by itself, without those about the label: a request has none.
    function : ServedFunction, optional
        What makes columns of a row.

    Raises
    ------
    DataError
        When single rows cannot be checked as the nightly batch checks them; it names every reason.
    """
    contract = RowContract(
        protocol=PROTOCOL if spec.features.tables or function is not None else PLAIN,
        project=spec.project,
        ids=tuple(spec.key_columns),
        event_time=spec.source.event_time,
        time_zone=spec.schedule.time_zone,
        numbers=tuple(spec.stored_features.numbers),
        booleans=tuple(spec.stored_features.booleans),
        categories=tuple(spec.stored_features.categories),
        dates=tuple(spec.stored_features.dates),
        entities=tuple(spec.features.entities),
        decimal=spec.source.decimal,
        new_columns=spec.contract.new_columns,
        known_columns=tuple(dict.fromkeys([*not_requested(spec), *spec.privacy.drop])),
        rules=tuple(rules),
        degree=spec.automation.degree,
        audit_share=spec.automation.audit_share,
        blind_share=spec.automation.blind_share,
        tables=tuple(map(_served_table, spec.features.tables)),
        function=function,
    )
    kinds = {name: kind for name, _, kind in cells(contract)}
    faults = [f"{rule.reason}: {fault}" for rule in contract.rules if (fault := rule_fault(rule, kinds)) is not None]
    if faults:
        raise DataError(
            f"{spec.project} cannot be served: a critical expectation cannot be checked on single rows: "
            f"{'; '.join(faults)}. Give it the severity warning, or write it as another expectation"
        )
    return contract


def _served_table(table: FeatureTable) -> ServedTable:
    columns = table.columns
    return ServedTable(
        name=table.name,
        entity=tuple(table.entity),
        numbers=tuple(columns.numbers),
        booleans=tuple(columns.booleans),
        categories=tuple(columns.categories),
        dates=tuple(columns.dates),
        delay_days=table.delay_days,
        max_age_days=table.max_age_days,
    )


def not_requested(spec: ProjectSpec) -> list[str]:
    """Return the columns of a delivery that an answer does not need: label, consent, weight, and the name of a file."""
    others = [name for name in (spec.privacy.consent, spec.scope.weight) if name is not None]
    return [spec.source.label.column, *others, *spec.file_columns]


def unservable(spec: ProjectSpec, schema: ModelSchema) -> list[str]:
    """Return why a model of a project cannot be served yet; empty if it can."""
    known = {*spec.source.id, spec.source.event_time, *spec.stored_features.all, *spec.features.learned}
    renamed = [name for name in spec.features.learned if name != delivered_name(name)]
    timed = sorted({*spec.features.dates, spec.source.event_time} & set(spec.features.entities))
    missing = sorted(set(schema.columns) - known)
    reasons = {
        f"its function reads columns with names of Leeway's own {renamed}": bool(spec.row_function and renamed),
        f"its feature tables are joined by times {timed}": bool(timed),
        f"source.time_format is {spec.source.time_format}; a request has times in ISO 8601": bool(
            spec.source.time_format
        ),
        "privacy.pseudonymise replaces columns, for which a worker would need the secret key": bool(
            spec.privacy.pseudonymise
        ),
        f"the model is a {schema.format} file, which needs scikit-learn": schema.format != "onnx",
        f"the spec no longer has the columns {missing} of the model": bool(missing),
    }
    return [reason for reason, holds in reasons.items() if holds]
