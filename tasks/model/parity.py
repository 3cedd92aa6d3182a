"""Parity: the exported model must answer as the trained one, also where answers jump."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from tasks.errors import ParityError
from tasks.model.matrix import FloatArray, as_numbers, as_text
from tasks.model.portable import PortableModel
from tasks.model.schema import ModelSchema
from tasks.model.trees import split_points

TOLERANCE = 1e-9
POINTS_PER_COLUMN = 25
UNKNOWN_CATEGORY = "a category nobody has seen"


def prove_parity(
    model: PortableModel, reference_score: Callable[[pd.DataFrame], FloatArray], frame: pd.DataFrame
) -> float:
    """Return the largest difference between the exported and the trained model, on the model's scale.

    Compared are the given rows and hard ones made from them: each column missing, categories never seen, numbers
    exactly at, just below and just above thresholds of the trees.

    Parameters
    ----------
    model : PortableModel
        The export.
    reference_score : callable
        From a frame to the trained pipeline's raw scores, level correction included.
    frame : DataFrame
        Real rows, at least one; a few hundred are plenty.

    Raises
    ------
    ParityError
        A difference is above 1e-9, or not a number; or there are no rows.
    """
    if not len(frame):
        raise ParityError("found no rows to prove parity on; expected at least one. Give some training rows.")
    rows = pd.concat([_plain(frame, model.schema), hard_rows(frame, model)], ignore_index=True)
    differences = np.abs(model.score(rows) - reference_score(rows))
    worst = float(differences.max())
    if not worst <= TOLERANCE:
        place = int(np.argmax(np.where(np.isnan(differences), np.inf, differences)))
        raise ParityError(
            f"the exported model differs from the trained one by {worst:.3g} (row {place} of {len(rows)}); expected at "
            f"most {TOLERANCE:g}. Do not register it: compare the scikit-learn version with the one that "
            "tasks/model/trees.py names."
        )
    return worst


def hard_rows(frame: pd.DataFrame, model: PortableModel) -> pd.DataFrame:
    """Return copies of the given rows, each with one value put where models like to disagree."""
    plain = _plain(frame, model.schema)
    pieces = [plain.iloc[:0]]
    for column, values in _hard_values(model):
        piece = plain.iloc[np.arange(len(values)) % len(plain)].copy()
        piece[column] = values
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)


def _hard_values(model: PortableModel) -> Iterator[tuple[str, pd.api.extensions.ExtensionArray | FloatArray]]:
    schema, points = model.schema, split_points(model.onnx_bytes)
    for place, column in enumerate([*schema.numbers, *schema.booleans]):
        known = np.array(points.get(place, []), dtype=np.float64)
        some = known[:: max(1, len(known) // POINTS_PER_COLUMN)]
        beside = [np.nextafter(some, -np.inf), some, np.nextafter(some, np.inf)]
        yield column, np.concatenate([[np.nan, -1e300, 1e300], *beside])
    for column in schema.categories:
        yield column, pd.array([None, UNKNOWN_CATEGORY], dtype="str")


def _plain(frame: pd.DataFrame, schema: ModelSchema) -> pd.DataFrame:
    """Return the model's columns with numbers as doubles and categories as text, so that any value fits in."""
    columns = {column: as_numbers(frame[column]) for column in (*schema.numbers, *schema.booleans)}
    texts = {column: as_text(frame[column]).array for column in schema.categories}
    times = {schema.event_time: pd.to_datetime(frame[schema.event_time]).array} if schema.time else {}
    return pd.DataFrame({**columns, **texts, **times})
