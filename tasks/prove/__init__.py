"""Prove: each row that the prediction service answered has the bits that the nightly batch gives it.

In: the answers of the prediction log, and what the batch answers for the same rows with the same version. Out: a
`ServedProof`, which the decision record keeps.
"""

from tasks.prove.compare_answers import BatchAnswer, batch_answers, compared

__all__ = ["BatchAnswer", "batch_answers", "compared"]
