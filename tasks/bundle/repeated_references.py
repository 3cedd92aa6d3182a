"""The reference rows of a bundle: what its runtime answers, once that is what the nightly batch has answered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tasks.bundle.bundle_plan import TABLE_ROUNDING, BundledVersion
from tasks.bundle.raw_limits import scores_of
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.errors import DataError
from tasks.inference.automation_degree import deferred_under
from tasks.inference.schema import ModelSchema
from tasks.serving_store import ReferenceAnswer, ReferenceRequest

SHOWN = 3


def repeated_references(bundle: Bundle, bundled: BundledVersion, *, exponential: bool) -> list[dict[str, Any]]:
    """Return rows with what a bundle finds for each.

    Raises
    ------
    DataError
        When a score differs in one bit from that of the batch, or a verdict, a decision or who decides differs.
    """
    found = [(each, bundle.found(each.row)) for each in bundled.package.references]
    faults = [
        f"row {number}: {fault}"
        for number, (reference, answer) in enumerate(found)
        if (fault := _fault(reference, answer, bundled, exponential=exponential))
    ]
    if faults:
        raise DataError(
            f"version {bundled.package.version} of {bundled.package.project} cannot be bundled: its runtime does not "
            f"answer as the nightly batch: {'; '.join(faults[:SHOWN])} ({len(faults)} rows). Register the version "
            "again with this Leeway, which proves its compact file"
        )
    return [{"row": reference.row, "found": answer} for reference, answer in found]


def _fault(
    reference: ReferenceRequest, found: Mapping[str, Any], bundled: BundledVersion, *, exponential: bool
) -> str | None:
    wanted = reference.answer
    if wanted is None or "refused" in found:
        refused = sorted(set(reference.refused))
        return None if found.get("refused") == refused else f"found {found.get('refused')}, not {refused}"
    later = bool(deferred_under(bundled.contract.degree, [found["unsure"]])[0])
    if (found["id"], later) != (wanted.row_id, wanted.deferred):
        return f"{found['id']} deferred={later}, not {wanted.row_id} deferred={wanted.deferred}"
    return _number_fault(found, wanted, bundled.schema, exponential=exponential)


def _number_fault(
    found: Mapping[str, Any], wanted: ReferenceAnswer, schema: ModelSchema, *, exponential: bool
) -> str | None:
    sums = np.array([[math.nan if value is None else value for value in found["sums"]]])
    scores = scores_of(sums, schema, exponential=exponential)[0]
    score = float(scores[found["decision"] if schema.task == "multiclass" else 0])
    if score.hex() != wanted.score and math.isfinite(score):
        return f"score {score!r}, not {float.fromhex(wanted.score)!r}"
    if schema.class_names and schema.class_names[found["decision"]] != wanted.predicted_class:
        return f"class {schema.class_names[found['decision']]!r}, not {wanted.predicted_class!r}"
    expected, prediction = float.fromhex(wanted.prediction), found["prediction"]
    if math.isfinite(expected) and (
        prediction is None or abs(prediction - expected) > TABLE_ROUNDING * max(1.0, abs(expected))
    ):
        return f"prediction {prediction!r}, not {expected!r}"
    return None
