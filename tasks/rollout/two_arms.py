"""Whether a metric of the users is worse where the candidate answers than where the champion does, at any time.

Both versions answer at the same time, and chance decides which one a user gets. So the two groups differ in nothing but
the version, whatever happens on a day: what is compared is only ever of one stage and one day.

Notes
-----
A day of a stage with n users of one version and m of the other has min(n, m) blocks, in the order of time. The value d
of a block is the mean of the candidate's users less that of the champion's: it is in [-1, 1], and its mean is the
difference of both versions. So (1 + d) / 2 is in [0, 1], and is tested by betting as all else, see
`tasks.rollout.betting`. Sequential tests on blocks of two groups: R. Turner, A. Ly and P. Grünwald (2024), Generic
E-variables for exact sequential k-sample tests that allow for optional stopping, Journal of Statistical Planning and
Inference 230, arXiv 2106.02693; by strata: R. Turner and P. Grünwald (2023), Safe sequential testing and effect
estimation in stratified count data, AISTATS, arXiv 2302.11401.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.arrays import FloatArray
from tasks.rollout.betting import FRACTIONS, log_mean


@dataclass(frozen=True, slots=True)
class GuardrailTerms:
    """How much worse a metric of the users may be where the candidate answers.

    Attributes
    ----------
    name : str
        The metric.
    worse : {"higher", "lower"}
        In which direction it is worse.
    allowed : float
        By how much, above 0 and at most 1.
    """

    name: str
    worse: Literal["higher", "lower"]
    allowed: float


@dataclass(frozen=True, slots=True)
class GuardrailEvidence:
    """What has been seen of a guardrail.

    Attributes
    ----------
    name : str
        The metric.
    worse, harmless : float
        The logarithm of the evidence that it is worse by more than is allowed, and that it is not.
    seen : str
        The same in words.
    """

    name: str
    worse: float
    harmless: float
    seen: str


def block_differences(candidate: FloatArray, champion: FloatArray) -> FloatArray:
    """Return the difference of each block of a day of a stage: shape (min(n, m),).

    Parameters
    ----------
    candidate, champion : array, shapes (n,) and (m,)
        A value from 0 to 1 of each user, in the order of time.

    Examples
    --------
    Two blocks of one user of the candidate and two of the champion: 1 - (0 + 1) / 2, and 0 - (0 + 0) / 2.

    >>> block_differences(np.array([1.0, 0.0]), np.array([0.0, 1.0, 0.0, 0.0])).tolist()
    [0.5, 0.0]
    >>> block_differences(np.array([1.0]), np.array([])).tolist()
    []
    """
    blocks = min(len(candidate), len(champion))
    return _block_means(candidate, blocks) - _block_means(champion, blocks)


def _block_means(values: FloatArray, blocks: int) -> FloatArray:
    if not blocks:
        return np.zeros(0)
    edges = np.linspace(0, len(values), blocks + 1).astype(np.int64)
    return np.asarray(np.add.reduceat(values, edges[:-1]) / np.diff(edges), dtype=np.float64)


def guardrail_evidence(days: Iterable[tuple[FloatArray, FloatArray]], allowed: float) -> tuple[float, float]:
    """Return the logarithm of the evidence that a metric is worse by more than is allowed, and that it is not.

    Each ever passes log(1 / alpha) by chance with a probability of at most alpha.

    Parameters
    ----------
    days : iterable of (array, array)
        Of each day of a stage, the values from 0 to 1 of the candidate's users and of the champion's, in the order of
        time; higher is worse.

    Examples
    --------
    Twenty users of each, all of the candidate's with the worse value:

    >>> worse, harmless = guardrail_evidence([(np.ones(20), np.zeros(20))], allowed=0.1)
    >>> bool(worse > np.log(1000)), harmless < 0
    (True, True)
    >>> guardrail_evidence([], allowed=0.1)
    (0.0, 0.0)
    """
    differences = np.concatenate([np.zeros(0), *(block_differences(*day) for day in days)])
    values, limit = (1 + differences) / 2, (1 + allowed) / 2
    return _wealth(values, limit), _wealth(1 - values, 1 - limit)


def _wealth(values: FloatArray, limit: float) -> float:
    gains = (values - limit) / limit
    return log_mean(np.log1p(FRACTIONS * gains[:, None]).sum(axis=0))
