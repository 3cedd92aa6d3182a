"""The error of what the model decides by itself, from the rows that people were drawn to decide too."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd

from tasks.dataset.row_errors import row_errors
from tasks.inference.automation_degree import Degree, lower_degree
from tasks.people.people_comparison import sure_mean
from tasks.records import AuditedRows
from tasks.spec import ProjectSpec
from tasks.statistics import evidence_above

FALLS_TO: Degree = "assist"
"""A model that decides more wrongly than it may decides nothing by itself; people still see what it proposes."""


def audited_rows(drawn: pd.DataFrame, since: date, spec: ProjectSpec, people_a_day: float | None = None) -> AuditedRows:
    """Return what an audit shows, and whether the degree of automation holds.

    A row is drawn by its id alone, so the mean error of the drawn rows is that of all rows that the model decides by
    itself, without bias. Labels that exist only of deferred rows would be those of the most difficult ones.

    Parameters
    ----------
    drawn : DataFrame
        The drawn rows: `prediction`, `confidence` (of several classes `predicted_class`), `event_date`, and `label`,
        the truth, missing where it is not known.
    since : date
        The day before the first one that counts.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> spec = Part(training=Part(task="binary"), automation=Part(degree="full", target_error=0.05, false_falls=0.05,
    ...     people_per_day=None, blind_share=0.0, audit_share=0.1))
    >>> days = [date(2026, 1, number) for number in (2, 3, 4)] * 3 + [date(2026, 1, 5)]
    >>> rows = pd.DataFrame({"prediction": 0.9, "confidence": 0.9, "label": [0.0] * 9 + [None], "event_date": days})
    >>> found = audited_rows(rows, date(2026, 1, 1), spec)
    >>> found.drawn, found.known, found.error.value, found.falls_to
    (10, 9, 1.0, 'assist')
    """
    automation = spec.automation
    known = drawn[drawn["label"].notna()]
    errors = row_errors(known, spec)
    known, errors = known[np.isfinite(errors)], errors[np.isfinite(errors)]
    days = np.array([(day - since).days for day in known["event_date"]], dtype=np.int64)
    target, limit = automation.target_error, math.log(1 / automation.false_falls)
    evidence = 0.0 if target is None else evidence_above(errors, days, target)
    below = lower_degree(automation.degree, FALLS_TO) != automation.degree
    return AuditedRows(
        degree=automation.degree,
        since=since,
        are_shares=spec.training.task != "regression",
        drawn=len(drawn),
        known=len(known),
        error=sure_mean(errors, days, are_shares=spec.training.task != "regression"),
        target=target,
        evidence=evidence,
        limit=limit,
        people_a_day=people_a_day,
        people_per_day=automation.people_per_day,
        blind_share=automation.blind_share,
        audit_share=automation.audit_share,
        falls_to=FALLS_TO if below and target is not None and evidence >= limit else "",
    )
