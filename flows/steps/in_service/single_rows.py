"""Rows by themselves, as the prediction service has them: their contract, and what the nightly batch makes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.model import Predictor
from tasks.package import compile_contract, not_requested
from tasks.row_contract import RowContract, RowRule
from tasks.score import predictions
from tasks.spec import ProjectSpec
from tasks.validate.contract.expectation_scope import split_by_scope
from tasks.validate.contract.expectations import evaluate_frames
from tasks.validate.contract.suite import Suite, read_suite
from tasks.validate.typing.typed_frame import typed


def row_rules(spec: ProjectSpec, folder: Path) -> Suite:
    """Return the critical expectations of a project about each row by itself, about columns that a request has."""
    suite = read_suite(folder / spec.contract.suite, spec)
    each_row, _ = split_by_scope(suite.of_rows(spec))
    critical = [
        rule
        for rule in each_row.expectations
        if rule.configuration.get("severity", "critical") == "critical"
        and set(not_requested(spec)).isdisjoint(rule.columns)
    ]
    return Suite(suite.path, tuple(critical))


def contract_of(spec: ProjectSpec, rules: Suite) -> RowContract:
    """Return the row contract of a project; see `compile_contract`."""
    return compile_contract(
        spec, [RowRule(rule=each.rule, columns=each.columns, limits=each.limits) for each in rules.expectations]
    )


@dataclass(frozen=True)
class CheckedRows:
    """Rows after the contract of the batch.

    Attributes
    ----------
    frame : DataFrame
        Every row with typed columns and its `row_id`.
    reasons : sequence of sequence of str
        The reason codes with which each row is refused; none for an accepted one.
    """

    frame: pd.DataFrame
    reasons: Sequence[Sequence[str]]

    @property
    def accepted(self) -> list[int]:
        """The places of the accepted rows."""
        return [place for place, codes in enumerate(self.reasons) if not codes]

    def scored(self, spec: ProjectSpec, model: Predictor, moment: datetime) -> pd.DataFrame:
        """Return what the batch answers for the accepted rows, in their order; see `tasks.score.predictions`."""
        rows = self.frame.iloc[self.accepted]
        dated = rows.assign(batch_id="", revision=0, event_date=rows[spec.source.event_time].dt.date)
        return predictions(dated, model, 0, "champion", moment)


def checked_rows(rows: Sequence[Mapping[str, Any]], spec: ProjectSpec, rules: Suite) -> CheckedRows:
    """Return rows of JSON values as the batch reads and checks each of them by itself.

    Parameters
    ----------
    rules : Suite
        See `row_rules`.
    """
    columns = {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in spec.row_columns}
    if spec.scope.weight is not None:  # a request has none, and needs none
        columns[spec.scope.weight] = pd.Series(1.0, pd.RangeIndex(len(rows)))
    delivered = pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))
    read = typed(delivered, spec, repeated=lambda names: np.zeros(len(names), dtype=bool))
    reasons: list[list[str]] = [
        [str(code) for code in read.faults.columns[read.faults.iloc[number].to_numpy(bool)]]
        for number in range(len(rows))
    ]
    readable = read.frame[read.clean].drop(columns="row_id").reset_index(drop=True)
    positions = np.flatnonzero(read.clean)
    for failure in next(iter(evaluate_frames([readable], rules)), []) if len(readable) else []:
        for place in failure.rows if failure.rows is not None else range(len(positions)):
            reasons[positions[place]].append(failure.reason)
    return CheckedRows(read.frame, reasons)
