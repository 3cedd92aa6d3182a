"""The incidents, each with the verdicts that are right for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from tasks.fault_scenarios.staged_history import NIGHT, Stage

Right = Literal["quarantine", "retrain", "ask", "ignore"]
UNIT = 1000.0
NULL_SHARE = 0.6
NEW_SHARE = 0.15
LOST_SHARE = 0.85
FLIP = 1.3
RAMP_A_DAY = 0.003
SLOW_DAYS = 84
SWING = 0.5
LATE_DAYS = 21


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault, or a harmless change that looks like one.

    Parameters
    ----------
    text : str
        The fault, in a sentence.
    right : tuple of 'quarantine', 'retrain', 'ask' or 'ignore'
        The right verdicts of a monitor: broken data is quarantined, a worse model is retrained, a person is asked about
        unclear cases, and harmless changes are ignored.
    happen : callable
        Returns the stage with the fault.
    about : 'number', 'category' or ''
        The kind of the column with the fault, which a verdict should name.
    """

    text: str
    right: tuple[Right, ...]
    happen: Callable[[Stage], Stage]
    about: Literal["number", "category", ""] = ""


def null_burst(stage: Stage) -> Stage:
    """Empty a number in 60 % of the rows."""
    values = stage.numbers(stage.number)
    return stage.with_column(stage.number, values.where(stage.draws.random(len(values)) >= NULL_SHARE))


def unit_change(stage: Stage) -> Stage:
    """Deliver a number in another unit: a thousand times as large."""
    return stage.with_column(stage.number, stage.numbers(stage.number) * UNIT)


def new_category(stage: Stage) -> Stage:
    """Give 15 % of the rows a new category."""
    values = stage.texts(stage.category)
    return stage.with_column(stage.category, values.where(stage.draws.random(len(values)) >= NEW_SHARE, "new"))


def stuck_sensor(stage: Stage) -> Stage:
    """Set a number to its median."""
    values = stage.numbers(stage.number)
    return stage.with_column(stage.number, pd.Series(values[~stage.touched].median(), index=values.index))


def duplicates(stage: Stage) -> Stage:
    """Deliver every row twice in the same file."""
    rows = pd.concat([stage.rows, stage.rows[stage.touched]])
    return replace(stage, rows=rows.sort_index(kind="stable").reset_index(drop=True))


def row_loss(stage: Stage) -> Stage:
    """Lose 85 % of the rows."""
    return stage.keeping(pd.Series(stage.draws.random(len(stage.rows)) >= LOST_SHARE, index=stage.rows.index))


def renamed_category(stage: Stage) -> Stage:
    """Rename the most frequent category."""
    values = stage.texts(stage.category)
    most = values[~stage.touched].mode().iloc[0]
    return stage.with_column(stage.category, values.where(values != most, f"{most} (new)"))


def population_sudden(stage: Stage) -> Stage:
    """Remove most rows of the lower half of a number, from one night on."""
    return stage.keeping(_upper_half(stage, pd.Series(1.0, index=stage.rows.index)))


def population_slow(stage: Stage) -> Stage:
    """Remove more and more of the same rows, over twelve weeks."""
    return stage.keeping(_upper_half(stage, (stage.nights / SLOW_DAYS).clip(0, 1)))


def concept_flip(stage: Stage) -> Stage:
    """Give the same rows other labels: 30 % more, or the other class in the upper half of a number."""
    return stage.with_labels(_factor(stage, pd.Series(FLIP, index=stage.rows.index)))


def concept_ramp(stage: Stage) -> Stage:
    """Raise labels by .3 % a day, or change the class in more and more rows of the upper half of a number."""
    return stage.with_labels(_factor(stage, 1 + RAMP_A_DAY * stage.nights.clip(lower=0).astype(float)))


def season(stage: Stage) -> Stage:
    """Let a number vary by half a standard deviation with the weekday, in the history as well: this is no fault."""
    values = stage.numbers(stage.number)
    weekday = pd.to_datetime(stage.rows[stage.spec.source.event_time], format="mixed").dt.day_of_week
    swing = values.std() * SWING * np.sin(2 * np.pi * weekday / 7)
    always = replace(stage, onset=stage.rows[NIGHT].min())
    return replace(always.with_column(stage.number, values + swing), onset=stage.onset)


def label_delay(stage: Stage) -> Stage:
    """Deliver labels three weeks later."""
    late = stage.labels[NIGHT] >= stage.onset
    moved = stage.labels[NIGHT].where(~late, stage.labels[NIGHT].map(lambda night: night + timedelta(days=LATE_DAYS)))
    return replace(stage, labels=stage.labels.assign(**{NIGHT: moved}))


def _upper_half(stage: Stage, force: pd.Series) -> pd.Series:
    values = stage.numbers(stage.number)
    low = values < values[~stage.touched].median()
    return ~low | (stage.draws.random(len(values)) >= 0.8 * force)


def _factor(stage: Stage, factor: pd.Series) -> pd.Series:
    """Return the factor of each row's label; -1 changes the class."""
    if stage.spec.training.task == "regression":
        return factor.where(stage.touched, 1.0)
    values = stage.numbers(stage.number)
    turned = (values > values[~stage.touched].median()) & (stage.draws.random(len(values)) < (factor - 1) / (FLIP - 1))
    return pd.Series(np.where(turned & stage.touched, -1.0, 1.0), index=factor.index)


INCIDENTS: dict[str, Incident] = {
    "null-burst": Incident("60 % of a number's cells are empty", ("quarantine",), null_burst, "number"),
    "unit-change": Incident("a number is a thousand times as large", ("quarantine",), unit_change, "number"),
    "stuck-sensor": Incident("a number does not change", ("quarantine",), stuck_sensor, "number"),
    "duplicates": Incident("every row is delivered twice", ("quarantine",), duplicates),
    "row-loss": Incident("85 % of the rows are missing", ("ask", "quarantine"), row_loss),
    "renamed-category": Incident(
        "the most frequent category is renamed", ("quarantine",), renamed_category, "category"
    ),
    "new-category": Incident("15 % of the rows have a new category", ("ask", "quarantine"), new_category, "category"),
    "population-sudden": Incident("most rows with small numbers are missing", ("ignore",), population_sudden, "number"),
    "population-slow": Incident(
        "ever more rows with small numbers are missing", ("ignore",), population_slow, "number"
    ),
    "concept-flip": Incident("the same rows have other labels", ("retrain",), concept_flip),
    "concept-ramp": Incident("labels rise a little every day", ("retrain",), concept_ramp),
    "season": Incident("a number varies with the weekday, as before", ("ignore",), season),
    "label-delay": Incident("labels are delivered three weeks later", ("ignore",), label_delay),
}
