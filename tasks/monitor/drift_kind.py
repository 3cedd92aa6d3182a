"""The kind of drift, from what moved and what did not."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from tasks.records import DriftKind

# After an alarm, a further test asks a single question: the tests that answer it share an error rate of one in twenty.
DOUBTFUL = 0.05


def _past(z: float, tests: int) -> bool:
    return abs(z) > NormalDist().inv_cdf(1 - DOUBTFUL / (2 * tests))


@dataclass(frozen=True, slots=True)
class DriftSymptoms:
    """What a kind is found from: strains (above 1 is an alarm) and shifts in standard units (None: not known).

    `prediction` is the strain of the predictions, tested alone. `inputs_local` says that in every input past its leeway
    one slice moved and the rest kept its proportions; `local_error` is the strain of the slice with the largest rise of
    its error while the error of all other rows is within its leeway.
    """

    broken: bool = False
    inputs: float = 0.0
    predictions: float = 0.0
    prediction: float | None = None
    outcome: float = 0.0
    loss_z: float | None = None
    label_z: float | None = None
    given_label_z: float | None = None
    as_prior: bool = False
    slices_z: tuple[float, ...] = ()
    inputs_local: bool = False
    local_error: float = 0.0


def kind(seen: DriftSymptoms) -> DriftKind:
    """Return the kind of a night's drift.

    - quality: it looks corrupt.
    - prior: labels have other proportions, the predictions for each label are as before.
    - slice: one value of a category or range of a number is predicted worse, or predictions of one size are, or one
      slice moved and the predictions with it; the rest is as before.
    - concept: the same predictions have become less accurate and the inputs have not moved; both: they have.
    - virtual: inputs moved, predictions and errors did not; covariate: they did, or it is not known.

    Examples
    --------
    >>> kind(DriftSymptoms(inputs=2.0, prediction=0.3)), kind(DriftSymptoms(inputs=2.0, prediction=9.0))
    ('virtual', 'covariate')
    >>> kind(DriftSymptoms(outcome=2.0, slices_z=(4.0, 3.0))), kind(DriftSymptoms(outcome=2.0, slices_z=(0.1, 3.0,
    ... -0.2)))
    ('concept', 'slice')
    >>> kind(DriftSymptoms(local_error=1.5)), kind(DriftSymptoms(inputs=2.0, prediction=9.0, inputs_local=True))
    ('slice', 'slice')
    """
    if seen.broken:
        return "quality"
    if seen.outcome > 1 or seen.local_error > 1:
        return _of_outcome(seen)
    return _of_inputs(seen)


def _of_inputs(seen: DriftSymptoms) -> DriftKind:
    moved: DriftKind = "slice" if seen.inputs_local else "covariate"
    if seen.inputs <= 1:
        return "covariate" if seen.predictions > 1 else "none"
    if seen.prediction is None:
        return moved
    hurts = seen.prediction > 1 or (seen.loss_z is not None and _past(seen.loss_z, 2))
    return moved if hurts else "virtual"


def _of_outcome(seen: DriftSymptoms) -> DriftKind:
    if (
        seen.label_z is not None
        and _past(seen.label_z, 1)
        and seen.given_label_z is not None
        and not _past(seen.given_label_z, 2)
        and seen.as_prior
    ):
        return "prior"
    if seen.local_error > 1:
        return "slice"
    if seen.inputs > 1:
        return "both"
    off = [value for value in seen.slices_z if _past(value, max(len(seen.slices_z), 1))]
    return "slice" if len(off) == 1 and len(seen.slices_z) > 2 else "concept"  # noqa: PLR2004 - one of two is half
