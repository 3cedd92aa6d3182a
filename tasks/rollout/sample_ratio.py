"""Whether as many entities belong to a candidate as its share says, at any time."""

from __future__ import annotations

from math import lgamma, log

PRIOR = 100.0
"""The weight of the prior in entities: ratios within about a tenth of the intended one are the usual alternatives."""


def ratio_evidence(candidate: int, champion: int, share: float) -> float:
    """Return the logarithm of the evidence that entities are divided in another ratio than intended.

    It is the Bayes factor of a Dirichlet prior around the intended ratio against that ratio, a martingale of mean 1 if
    the ratio is as intended: it ever passes log(1 / alpha) with a probability of at most alpha.

    Parameters
    ----------
    candidate, champion : int
        The entities of each.
    share : float
        The intended share of the candidate, between 0 and 1.

    Notes
    -----
    M. Lindon and A. Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS, arXiv 2011.03567.

    Examples
    --------
    Nothing is known before the first entity; the first one is as likely under the prior as under its mean.

    >>> ratio_evidence(0, 0, 0.25), abs(round(ratio_evidence(1, 0, 0.25), 9))
    (0.0, 0.0)
    >>> ratio_evidence(500, 500, 0.25) > log(1e6)
    True
    """
    if not 0 < share < 1:
        return 0.0
    first, second = PRIOR * share, PRIOR * (1 - share)
    marginal = _log_beta(first + candidate, second + champion) - _log_beta(first, second)
    return marginal - candidate * log(share) - champion * log(1 - share)


def _log_beta(one: float, other: float) -> float:
    return lgamma(one) + lgamma(other) - lgamma(one + other)
