"""Rows by themselves, as the prediction service has them: their contract, and what the nightly batch makes of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.dataset.feature_assembly import Assembled
from tasks.model import Predictor
from tasks.package import compile_contract, not_requested
from tasks.row_contract import RowContract, RowRule
from tasks.score import predictions
from tasks.spec import ProjectSpec
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED
from tasks.user_code.on_request.served_code import served_function
from tasks.validate.contract.expectation_scope import split_by_scope
from tasks.validate.contract.expectations import evaluate_frames
from tasks.validate.contract.suite import Suite, read_suite
from tasks.validate.typing.typed_frame import typed

Features = Callable[[pd.DataFrame, Sequence[int]], Assembled]


@dataclass(frozen=True)
class RowTerms:
    """What single rows are read, checked and completed by.

    Attributes
    ----------
    spec : ProjectSpec
        The spec of the project.
    rules : Suite
        The critical expectations about each row by itself, about columns that a request has.
    folder : Path
        The folder of the project, with its function.
    """

    spec: ProjectSpec
    rules: Suite
    folder: Path

    @property
    def contract(self) -> RowContract:
        """The row contract; see `compile_contract`."""
        rules = [RowRule(rule=each.rule, columns=each.columns, limits=each.limits) for each in self.rules.expectations]
        return compile_contract(self.spec, rules, served_function(self.spec, self.folder))


def row_terms(spec: ProjectSpec, folder: Path) -> RowTerms:
    """Return the terms of the rows of a project in a folder."""
    suite = read_suite(folder / spec.contract.suite, spec)
    each_row, _ = split_by_scope(suite.of_rows(spec))
    critical = [
        rule
        for rule in each_row.expectations
        if rule.configuration.get("severity", "critical") == "critical"
        and set(not_requested(spec)).isdisjoint(rule.columns)
    ]
    return RowTerms(spec, Suite(suite.path, tuple(critical)), folder)


@dataclass(frozen=True)
class CheckedRows:
    """Rows after the contract of the batch.

    Attributes
    ----------
    frame : DataFrame
        The accepted rows with their `row_id` and everything that a model sees.
    reasons : sequence of sequence of str
        The reason codes with which each row is refused; none for an accepted one.
    """

    frame: pd.DataFrame
    reasons: Sequence[Sequence[str]]

    @property
    def accepted(self) -> list[int]:
        """The places of the accepted rows."""
        return [place for place, codes in enumerate(self.reasons) if not codes]

    def scored(self, model: Predictor, moment: datetime) -> pd.DataFrame:
        """Return what the batch answers for the accepted rows, in their order; see `tasks.score.predictions`."""
        return predictions(self.frame, model, 0, "champion", moment)


def checked_rows(rows: Sequence[Mapping[str, Any]], terms: RowTerms, features: Features | None = None) -> CheckedRows:
    """Return rows of JSON values as the batch reads and checks each of them by itself.

    Parameters
    ----------
    features : callable, optional
        From rows and their places to the rows with their feature tables and made columns, and which of them the
        project's function can be applied to.
    """
    spec = terms.spec
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
    for failure in next(iter(evaluate_frames([readable], terms.rules)), []) if len(readable) else []:
        for place in failure.rows if failure.rows is not None else range(len(positions)):
            reasons[positions[place]].append(failure.reason)
    places = [place for place, codes in enumerate(reasons) if not codes]
    accepted = read.frame.iloc[places].reset_index(drop=True)
    dated = accepted.assign(batch_id="", revision=0, event_date=accepted[spec.source.event_time].dt.date)
    if features is None or dated.empty:
        return CheckedRows(dated, reasons)
    made = features(dated, places)
    if spec.features.tables or made.passing.all():  # the values of a table may come later, so no row is refused
        return CheckedRows(made.rows, reasons)
    for place in np.flatnonzero(~made.passing):
        reasons[places[place]].append(FUNCTION_FAILED)
    return CheckedRows(made.rows[made.passing].reset_index(drop=True), reasons)
