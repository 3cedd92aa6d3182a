"""Packages a version: its row contract, and reference requests with the answers of the nightly batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.inference.automation_degree import deferred_under
from tasks.model import Predictor, load_model
from tasks.model.export.onnx_graph import split_points
from tasks.package import compile_contract, not_requested, reference_rows, unservable
from tasks.registry.statement import Signed
from tasks.registry.versions import Version
from tasks.row_contract import RowContract, RowRule
from tasks.score import predictions
from tasks.serving_store import ReferenceAnswer, ReferenceRequest, ServablePackage
from tasks.serving_store.servable_package import PROTOCOL
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


def packaged(
    version: Version, files: Mapping[str, bytes], signed: Signed, spec: ProjectSpec, rules: Suite, moment: datetime
) -> ServablePackage:
    """Return the package of a verified version.

    Parameters
    ----------
    files : mapping of str to bytes
        The verified files of the version.
    signed : Signed
        What its manifest signs.
    rules : Suite
        See `row_rules`.
    moment : datetime
        The time of the batch answers; it is not part of the package.

    Raises
    ------
    DataError
        When single rows cannot be answered as in the nightly batch; it names every reason.
    """
    model = load_model(files)
    if faults := unservable(spec, model.schema):
        raise DataError(
            f"version {version.number} of {spec.project} cannot be served: {'; '.join(faults)}. The nightly batch "
            "answers its rows as before"
        )
    contract = contract_of(spec, rules)
    rows = reference_rows(contract, model.schema, split_points(model.file[1]))
    return ServablePackage(
        protocol=PROTOCOL,
        project=spec.project,
        version=version.number,
        version_key=version.about["key"],
        version_digest=signed.digest,
        contract=msgspec.Raw(msgspec.json.encode(contract)),
        references=batch_references(rows, spec, rules, model, moment),
    )


def batch_references(
    rows: Sequence[dict[str, Any]], spec: ProjectSpec, rules: Suite, model: Predictor, moment: datetime
) -> tuple[ReferenceRequest, ...]:
    """Return rows with what the nightly batch makes of them: an answer, or the reasons of their refusal."""
    delivered = _delivered(rows, spec)
    read = typed(delivered, spec, repeated=lambda names: np.zeros(len(names), dtype=bool))
    reasons: list[list[str]] = [
        [str(code) for code in read.faults.columns[read.faults.iloc[number].to_numpy(bool)]]
        for number in range(len(rows))
    ]
    clean = read.frame[read.clean]
    readable = clean.drop(columns="row_id").reset_index(drop=True)
    positions = np.flatnonzero(read.clean)
    for failure in next(iter(evaluate_frames([readable], rules)), []) if len(readable) else []:
        for place in failure.rows if failure.rows is not None else range(len(positions)):
            reasons[positions[place]].append(failure.reason)
    accepted = [number for number, codes in enumerate(reasons) if not codes]
    answers = _answers(read.frame.iloc[accepted], spec, model, moment) if accepted else []
    answered = dict(zip(accepted, answers, strict=True))
    return tuple(
        ReferenceRequest(row=row, refused=tuple(reasons[number]), answer=answered.get(number))
        for number, row in enumerate(rows)
    )


def _delivered(rows: Sequence[dict[str, Any]], spec: ProjectSpec) -> pd.DataFrame:
    """Return rows as a delivery of JSON lines has them."""
    records = [json.loads(msgspec.json.encode(row)) for row in rows]
    columns = {name: pd.Series([record.get(name) for record in records], dtype=object) for name in spec.row_columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(records)))


def _answers(rows: pd.DataFrame, spec: ProjectSpec, model: Predictor, moment: datetime) -> list[ReferenceAnswer]:
    dated = rows.assign(batch_id="references", revision=0, event_date=rows[spec.source.event_time].dt.date)
    made = predictions(dated, model, 0, "champion", moment)
    made["deferred"] = deferred_under(spec.automation.degree, made["deferred"])
    return [
        ReferenceAnswer(
            row_id=row["row_id"],
            prediction=float(row["prediction"]).hex(),
            score=float(row["score"]).hex(),
            confidence=float(row["confidence"]).hex(),
            deferred=bool(row["deferred"]),
            reasons=row["reasons"],
            probabilities=() if row["probabilities"] is None else tuple(float(p).hex() for p in row["probabilities"]),
            predicted_class=row["predicted_class"] if isinstance(row["predicted_class"], str) else "",
        )
        for row in made.to_dict("records")
    ]
