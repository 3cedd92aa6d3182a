"""Packages a version: its row contract, and reference requests with the answers of the nightly batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pandas as pd

from flows.serving.feature_publishing.online_function import prove_online_function
from flows.steps.in_service.single_rows import CheckedRows, RowTerms, checked_rows
from tasks.dataset.feature_assembly import Assembled, with_made
from tasks.errors import DataError
from tasks.inference.automation_degree import deferred_under
from tasks.model import Predictor, load_model
from tasks.model.export.onnx_graph import split_points
from tasks.package import reference_joins, reference_rows, unservable, with_joined
from tasks.registry.manifest import MANIFEST
from tasks.registry.statement import Signed
from tasks.registry.versions import Version
from tasks.row_contract import RowContract
from tasks.serving_store import ReferenceAnswer, ReferenceRequest, ServablePackage
from tasks.serving_store.servable_package import PROTOCOL
from tasks.spec import ProjectSpec


def packaged(
    version: Version, files: Mapping[str, bytes], signed: Signed, terms: RowTerms, moment: datetime
) -> ServablePackage:
    """Return the package of a verified version.

    Parameters
    ----------
    files : mapping of str to bytes
        The verified files of the version.
    signed : Signed
        What its manifest signs.
    terms : RowTerms
        See `row_terms`.
    moment : datetime
        The time of the batch answers; it is not part of the package.

    Raises
    ------
    DataError
        When single rows cannot be answered as in the nightly batch; it names every reason.
    """
    contract = terms.contract
    return ServablePackage(
        protocol=PROTOCOL,
        project=terms.spec.project,
        version=version.number,
        version_key=version.about["key"],
        version_digest=signed.digest,
        contract=_written(contract),
        references=_references(version.number, files, terms, moment),
        signed_as=_signed_as(files, terms.spec),
    )


def under_degree(
    package: ServablePackage, files: Mapping[str, bytes], terms: RowTerms, moment: datetime
) -> ServablePackage:
    """Return the package of the same version under another degree of automation, from its own verified files.

    Parameters
    ----------
    files : mapping of str to bytes
        The files of the package.
    terms : RowTerms
        Those of the package, but for the degree.
    moment : datetime
        The time of the batch answers.

    Raises
    ------
    DataError
        When single rows cannot be answered as in the nightly batch; it names every reason.
    """
    references = _references(package.version, files, terms, moment)
    return msgspec.structs.replace(package, contract=_written(terms.contract), references=references)


def differs_in_degree_only(package: ServablePackage, contract: RowContract) -> bool:
    """Return whether a package is of a contract, but for the degree of automation."""
    return msgspec.structs.replace(package.row_contract, degree=contract.degree) == contract


def _written(contract: RowContract) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(contract))


def _references(
    number: int, files: Mapping[str, bytes], terms: RowTerms, moment: datetime
) -> tuple[ReferenceRequest, ...]:
    model, spec, contract = load_model(files), terms.spec, terms.contract
    if faults := unservable(spec, model.schema):
        raise DataError(
            f"version {number} of {spec.project} cannot be served: {'; '.join(faults)}. The nightly batch "
            "answers its rows as before"
        )
    splits = split_points(model.file[1])
    rows = reference_rows(contract, model.schema, splits)
    return batch_references(rows, reference_joins(contract, model.schema, splits), terms, model, moment)


def _signed_as(files: Mapping[str, bytes], spec: ProjectSpec) -> str:
    """Return the former name of the project that the manifest names; empty if it names the present one."""
    name = json.loads(files[MANIFEST])["about"]["project"] if MANIFEST in files else spec.project
    return "" if name == spec.project else str(name)


def batch_references(
    rows: Sequence[dict[str, Any]],
    joined: Sequence[dict[str, Any]],
    terms: RowTerms,
    model: Predictor,
    moment: datetime,
) -> tuple[ReferenceRequest, ...]:
    """Return rows with what the nightly batch makes of them: an answer, or the reasons of their refusal.

    Parameters
    ----------
    joined : sequence of dict
        The columns of the feature tables that each row is given.
    """
    spec = terms.spec

    def features(frame: pd.DataFrame, places: Sequence[int]) -> Assembled:
        made = with_made(with_joined(frame, [joined[place] for place in places], spec), spec, terms.folder)
        prove_online_function(terms.contract, made, terms.folder)
        return made

    checked = checked_rows([json.loads(msgspec.json.encode(row)) for row in rows], terms, features)
    answers = _answers(checked, spec, model, moment) if checked.accepted else []
    answered = dict(zip(checked.accepted, answers, strict=True))
    return tuple(
        ReferenceRequest(
            row=row, refused=tuple(checked.reasons[number]), answer=answered.get(number), joined=joined[number]
        )
        for number, row in enumerate(rows)
    )


def _answers(checked: CheckedRows, spec: ProjectSpec, model: Predictor, moment: datetime) -> list[ReferenceAnswer]:
    made = checked.scored(model, moment)
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
