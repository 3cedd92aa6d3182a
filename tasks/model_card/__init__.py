"""Model card: turns the evidence of a challenger into a request that a person can answer.

In: the evidence of a challenger and what it was trained for. Out: the card on its page in the MLflow UI, its plots, its
signature, and its tags, parameters and metrics.
"""

from __future__ import annotations

from tasks.model_card.card import answered, model_card
from tasks.model_card.version_summary import Details, Request, metrics, params, tags

__all__ = ["Details", "Request", "answered", "metrics", "model_card", "params", "tags"]
