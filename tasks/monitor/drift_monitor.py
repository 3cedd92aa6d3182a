"""The drift monitor: a fold over nights, the same in the nightly run and in a backtest.

The arguments are the profiles of a night (`inputs`) and its labels once they have matured (`outcomes`). The state that
is carried from night to night is that of the cumulative charts; it can be rebuilt from stored profiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift import (
    CusumCharts,
    Hints,
    Leeway,
    Reference,
    ReferenceComparison,
    Suspicion,
    compare_window,
    find_suspicions,
    measure_window,
    new_charts,
    statistics_past_leeway,
)
from tasks.drift.cusum import threshold
from tasks.drift.faults.converted_rows import NewestDays, converted_columns, converted_rows
from tasks.drift.faults.volume import RepeatedRows, repeated_suspicion
from tasks.drift.measures.contrasts import spread_statistics
from tasks.drift.measures.drift_statistics import effects
from tasks.drift.measures.score_layout import STATISTICS
from tasks.drift.quantiles import normal_quantile
from tasks.drift.reference_comparison import cusum_charts, statistic_count
from tasks.monitor.drift_kind import DOUBTFUL, DriftSymptoms
from tasks.monitor.prediction_drift.implied_rise import beyond_implied
from tasks.monitor.prediction_drift.prediction_reference import (
    LABEL,
    LOSS,
    OF_0,
    OF_1,
    PLACE,
    SLICE,
    SLICES,
    PredictionReference,
)
from tasks.monitor.prediction_drift.surprises import CREEPING, JUDGED, creeping, surprises
from tasks.monitor.slicing.slice_errors import PARTS_OF_LABELS
from tasks.profiles import TableProfile
from tasks.records import DriftStatistic, LocalError

PREDICTION_TESTS = 5  # level, nulls, spread, shape, values outside the range


@dataclass(frozen=True, slots=True, eq=False)
class ChartState:
    """The state that is carried from night to night: the charts of inputs, predictions and surprises."""

    inputs: CusumCharts
    predictions: CusumCharts
    outcomes: CusumCharts


@dataclass(frozen=True, slots=True)
class InputDrift:
    """One night without labels: the statistics of inputs and predictions, worst first, and what looks broken.

    `prediction` is the strain of the predictions when they are tested alone, at an error rate of one in twenty.
    """

    moved: tuple[DriftStatistic, ...]
    predictions: tuple[DriftStatistic, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    prediction: float | None = None

    @property
    def alarms(self) -> tuple[DriftStatistic, ...]:
        """What is past its leeway."""
        return tuple(one for one in (*self.moved, *self.predictions) if one.strain > 1)


@dataclass(frozen=True, slots=True)
class LabelDrift:
    """One night's matured labels: surprises compared with what the hold-out lets one expect, the most strained first.

    `shift` has the shift of each of `FEATURES`, `z` the same in standard units.
    """

    moved: tuple[DriftStatistic, ...]
    shift: tuple[float, ...]
    z: tuple[float, ...]

    @property
    def alarms(self) -> tuple[DriftStatistic, ...]:
        """What is past its leeway."""
        return tuple(one for one in self.moved if one.strain > 1)


@dataclass(frozen=True)
class DriftMonitor:
    """Measures the drift of nights.

    Parameters
    ----------
    reference : Reference
        The profile of the champion's training data; it must have no row of the nights.
    policy : Leeway
        Effect size and false-alarm budget, shared by all columns, statistics and nights.
    window_days : int
        How many days a night represents.
    answers : PredictionReference, optional
        What the champion's predictions meant on its hold-out; without it predictions and surprises are not measured.
    repeated_before : float
        Share of repeated rows in the reference.
    local : bool
        Whether errors are measured by slice too: then single nights, creep and slices have a third each of the false
        alarms for labels, else the first two have a half.
    """

    reference: Reference
    policy: Leeway
    window_days: int = 1
    answers: PredictionReference | None = None
    repeated_before: float = 0.0
    local: bool = False

    @property
    def parts_of_labels(self) -> int:
        """How many families of tests share the false alarms that labels may raise."""
        return PARTS_OF_LABELS if self.local else 2

    def begin(self) -> ChartState:
        """Return the memory before the first night."""
        layout, columns = self.reference.layout, len(self.reference.layout.names) + (self.answers is not None)
        inputs = cusum_charts(layout, self.policy, columns)
        if self.answers is None:
            return ChartState(inputs, new_charts(np.zeros(0)), new_charts(np.zeros(0)))
        predictions = cusum_charts(self.answers.predictions.layout, self.policy, columns)
        errors = threshold(self.policy.run_length_nights(self.parts_of_labels * len(CREEPING)))
        return ChartState(inputs, predictions, new_charts(np.full(len(CREEPING), errors)))

    def inputs(
        self,
        memory: ChartState,
        day: date,
        window: TableProfile,
        *,
        predictions: TableProfile | None = None,
        hints: Hints | None = None,
        newest: NewestDays | None = None,
    ) -> tuple[ChartState, InputDrift]:
        """Judge one night's rows; nights must not overlap.

        Parameters
        ----------
        day : date
            First day of the window.
        window, predictions : TableProfile
            Its rows, and the champion's answers to them.
        hints : Hints, optional
            What its profile does not show.
        newest : NewestDays, optional
            The same rows by day, with the days before, in which rows in another unit are looked for.
        """
        effect, alpha = self.policy.effect, self.alpha
        found = self.compared(day, window)
        followed, crept = _crept(memory.inputs, found, self.reference, effect)
        memory = replace(memory, inputs=followed)
        converted = converted_rows(self.reference, newest, found.moved, effect, alpha) if newest else ()
        moved = _sorted((*found.moved, *crept, *converted)) if crept or converted else found.moved
        suspected = find_suspicions(self.reference, window, found.moved, effect, hints)
        if self.answers is None or predictions is None or not predictions.rows:
            return memory, InputDrift(moved, (), suspected)
        reference = self.answers.predictions
        answers = measure_window(reference, predictions, day, self.window_days)
        answered, look = (compare_window(reference, answers, effect, each) for each in (alpha, DOUBTFUL / 2))
        followed, crept = _crept(memory.predictions, answered, reference, effect)
        spread = spread_statistics(reference, (predictions, day, self.window_days), effect, alpha)
        seen = InputDrift(moved, _sorted((*answered.moved, *crept, *spread)), suspected, look.moved[0].strain)
        return replace(memory, predictions=followed), seen

    def suspicions_of(self, day: date, rows: TableProfile, hints: Hints | None = None) -> tuple[Suspicion, ...]:
        """Return in which ways the rows of a delivery look broken."""
        return find_suspicions(self.reference, rows, self.moved_in(day, rows), self.policy.effect, hints)

    def compared(self, day: date, rows: TableProfile) -> ReferenceComparison:
        """Return every statistic of rows from a day on, compared with the reference."""
        measured = measure_window(self.reference, rows, day, self.window_days)
        return compare_window(self.reference, measured, self.policy.effect, self.alpha)

    def moved_in(self, day: date, rows: TableProfile) -> tuple[DriftStatistic, ...]:
        """Return what is past its leeway in rows from a day on."""
        found = measure_window(self.reference, rows, day, self.window_days)
        return statistics_past_leeway(self.reference, found, self.policy.effect, self.alpha)

    def repeated_in(self, deliveries: Sequence[RepeatedRows]) -> tuple[Suspicion, ...]:
        """Return the suspicion of each delivery with too many repeated rows, the largest share of them first."""
        before = RepeatedRows(self.repeated_before, self.reference.total.rows)
        found = (repeated_suspicion(each, before, self.policy.effect) for each in deliveries)
        return tuple(sorted((one for one in found if one), key=lambda one: -float(one.numbers["share"])))

    @cached_property
    def alpha(self) -> float:
        """The false-alarm probability of one statistic of rows or answers on one night, wherever they are judged."""
        layout = self.reference.layout
        tests = statistic_count(layout) + len(converted_columns(self.reference))
        return self.policy.alpha(tests + (PREDICTION_TESTS if self.answers is not None else 0))

    def outcomes(
        self, memory: ChartState, day: date, sums: FloatArray, rows: FloatArray
    ) -> tuple[ChartState, LabelDrift]:
        """Judge one night's matured labels: `Answers.sums` of its rows.

        Raises
        ------
        ValueError
            There are no answers to compare them with.
        """
        if self.answers is None:
            raise ValueError("outcomes were given, but no answers of the hold-out to compare them with")
        quiet = self.answers.quiet
        alpha = self.policy.alpha(self.parts_of_labels * len(JUDGED))
        shift = quiet.shift(sums, rows, day)
        leeway = quiet.leeway(shift, alpha)
        shift = beyond_implied(shift, leeway, self.answers.metric)
        unit = leeway / normal_quantile(alpha)
        z = shift.shift / unit
        crept = np.array(CREEPING)
        usual = quiet.unit(shift)
        followed = memory.outcomes.after(
            np.where(rows > 0, shift.shift / usual, np.nan)[crept],
            (shift.doubt / usual)[crept],
            (self.policy.effect / usual)[crept],
        )
        effect = self.policy.effect
        moved = [*surprises(shift, leeway, effect), *creeping(followed, usual, effect)]
        return replace(memory, outcomes=followed), LabelDrift(
            _sorted(moved), tuple(float(each) for each in shift.shift), tuple(float(each) for each in z)
        )

    def symptoms(self, seen: InputDrift, learnt: LabelDrift | None, worse: Sequence[LocalError] = ()) -> DriftSymptoms:
        """Return what the kind of a night's drift is found from; `worse` are the errors by slice."""
        past = {one.column for one in seen.moved if one.strain > 1}
        return DriftSymptoms(
            broken=bool(seen.suspicions),
            inputs=max((one.strain for one in seen.moved), default=0.0),
            predictions=max((one.strain for one in seen.predictions), default=0.0),
            prediction=seen.prediction,
            outcome=max((one.strain for one in learnt.moved), default=0.0) if learnt else 0.0,
            loss_z=learnt.z[LOSS] if learnt else None,
            label_z=learnt.z[LABEL] if learnt and self.answers and self.answers.binary else None,
            given_label_z=max(abs(learnt.z[OF_1]), abs(learnt.z[OF_0])) if learnt else None,
            as_prior=learnt is not None and self._as_prior(learnt),
            slices_z=tuple(learnt.z[SLICE : SLICE + SLICES]) if learnt else (),
            inputs_local=past == {one.column for one in seen.moved if one.strain > 1 and one.where},
            local_error=max((one.strain for one in worse if one.alone), default=0.0),
        )

    def _as_prior(self, learnt: LabelDrift) -> bool:
        """Return whether predictions moved as other proportions of labels would move them, rather than not at all."""
        if self.answers is None:
            return False
        usual = self.answers.row["mean"]
        expected = learnt.shift[LABEL] * (usual[OF_1] - usual[OF_0])
        return abs(learnt.shift[PLACE] - expected) < abs(learnt.shift[PLACE])


def _crept(
    before: CusumCharts, found: ReferenceComparison, reference: Reference, effect: float
) -> tuple[CusumCharts, list[DriftStatistic]]:
    """Return the charts after a night, and what lasts by more than the effect size."""
    layout = reference.layout
    matters = effects(layout, effect)
    after = before.after(found.z, found.doubt, matters / found.unit)
    moved: dict[tuple[str, str], DriftStatistic] = {}
    for side, index in zip(*np.nonzero(after.crept), strict=True):
        distance = float(after.crept[side, index] * found.unit[index])
        column, name = layout.names[layout.column[index]], STATISTICS[layout.statistic[index]]
        one = DriftStatistic(
            column, name, distance, float(matters[index]), creep=True, direction=1 if side == 0 else -1
        )
        if (column, name) not in moved or moved[column, name].distance < distance:
            moved[column, name] = one
    return after, list(moved.values())


def _sorted(moved: list[DriftStatistic] | tuple[DriftStatistic, ...]) -> tuple[DriftStatistic, ...]:
    return tuple(sorted(moved, key=lambda one: (-one.strain, one.column, one.statistic, one.creep)))
