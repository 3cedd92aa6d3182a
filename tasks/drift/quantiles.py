"""Two-sided quantiles of the normal distribution and of Student's, computed once each."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def normal_quantile(alpha: float) -> float:
    """Return the two-sided normal quantile at level alpha.

    >>> round(normal_quantile(0.05), 2)
    1.96
    """
    from scipy.special import ndtri

    return float(-ndtri(alpha / 2))


@lru_cache(maxsize=65536)
def student_quantile(alpha: float, degrees: float) -> float:
    """Return Student's two-sided quantile at level alpha.

    >>> round(student_quantile(0.05, 4), 2)
    2.78
    """
    from scipy.special import stdtrit

    return float(-stdtrit(degrees, alpha / 2))
