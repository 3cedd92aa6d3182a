"""Finds the best form of a version within the budgets of `edge`: each is judged by the rules of the gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from flows.loaded_version import Sealed, champion_of
from flows.workspace import Workspace
from tasks.arrays import FloatArray
from tasks.bundle import Form
from tasks.bundle.compressed.form_costs import FormCosts, form_costs
from tasks.bundle.compressed.smaller_forms import SmallerForm, smaller_forms
from tasks.compact import is_built
from tasks.dataset.known_rows import known_rows
from tasks.errors import DataError
from tasks.evaluate import ComparisonSet
from tasks.evaluate.analysis.non_inferiority import NonInferiority, non_inferiority
from tasks.inference.preprocessing import preprocess
from tasks.lake import read_entries
from tasks.model import OnnxModel
from tasks.model.input_matrix import input_matrix
from tasks.records import suspected_days, suspected_in
from tasks.spec import ProjectSpec
from tasks.spec.champion_inputs import rows_read_by
from tasks.spec.project_spec import EdgeModels
from tasks.train import baseline_predictions


@dataclass(frozen=True)
class JudgedForm:
    """A form of a version, what it costs, and why it is not used; `judged` is None of the version itself."""

    form: SmallerForm
    costs: FormCosts
    judged: NonInferiority | None
    faults: tuple[str, ...]

    @property
    def increase_high(self) -> float:
        """The upper bound of the increase of the loss, as a share of it."""
        return 0.0 if self.judged is None else self.judged.increase_high


@dataclass(frozen=True)
class ModelAndRows:
    """A model with a compact file, the labelled rows that it may have learned from, and newer ones."""

    model: OnnxModel
    past: pd.DataFrame
    holdout: pd.DataFrame

    def columns(self, rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
        """Return what the model receives of rows, after preprocessing: shape (n, columns)."""
        schema = self.model.schema
        return np.ascontiguousarray(preprocess(input_matrix(rows_read_by(rows, spec, schema), schema), schema))


def version_and_rows(workspace: Workspace, found: Sealed, night: date) -> ModelAndRows:
    """Return the model of a version, and the labelled rows that are known on a night.

    Raises
    ------
    DataError
        When the version has no smaller forms, or too few labelled rows are newer than it.
    """
    version, files, _ = found
    champion, spec = champion_of(version.number, dict(files)), workspace.spec
    model = champion.model
    if not isinstance(model, OnnxModel) or model.compact_bytes is None or not is_built():
        raise DataError(
            f"version {version.number} of {workspace.project} cannot be made smaller: it takes a compact file, and the "
            "evaluator in C (`leeway doctor`)"
        )
    reading, entries = workspace.reading_for(champion), read_entries(workspace.lake, workspace.project)
    suspected = suspected_days(suspected_in(entries, used=spec.trained_on), night)
    labelled = known_rows(reading.lake, reading.spec, reading.folder, night, suspected).labelled
    is_newer = labelled["event_date"] > champion.trained_until
    if is_newer.sum() < spec.gate.min_rows or is_newer.all():
        raise DataError(
            f"found {is_newer.sum()} labelled rows that are newer than the training of version {version.number}; "
            f"expected {spec.gate.min_rows}, as the gate does. Wait for labels, or lower gate.min_rows"
        )
    return ModelAndRows(model, labelled[~is_newer], labelled[is_newer])


def judged_forms(given: ModelAndRows, spec: ProjectSpec, folder: Path, runtime: Form, night: date) -> list[JudgedForm]:
    """Return the forms of a model, itself first, with what they cost and why they are not used.

    Parameters
    ----------
    folder : Path
        The project's.
    runtime : {"python", "browser", "c", "lambda"}
        The form of the bundle, for which costs are measured.
    """
    model = given.model
    if runtime == "onnx" or model.compact_bytes is None:
        raise DataError("a bundle for onnxruntime has the graph of its version, which has no smaller form; use another")
    newer = given.columns(given.holdout, spec)
    forms = list(smaller_forms(model.compact_bytes, model.schema, given.columns(given.past, spec)))
    compared = ComparisonSet(
        challenger=model,
        champion=model,
        holdout=given.holdout,
        baseline_prediction=baseline_predictions(given.past, given.holdout, spec, folder),
        parity=0.0,
        night=night,
        candidates=max(1, len(forms) - 1),
        folder=folder,
    )
    costs = partial(form_costs, runtime="python" if runtime in {"python", "lambda"} else "compiled", columns=newer)
    return [_judged(form, costs(form), compared, model, spec) for form in forms]


def best_form(judged: list[JudgedForm], budgets: EdgeModels) -> JudgedForm:
    """Return the form that loses least within the budgets; the smallest one where there are none.

    Raises
    ------
    DataError
        When there is none.
    """
    possible = [each for each in judged if not each.faults]
    if not possible:
        smallest = min(judged, key=lambda each: each.costs.kb)
        raise DataError(
            f"no form is within the budgets of edge without losing more than edge.max_loss; the smallest, "
            f"{smallest.form.name or 'the model itself'}, has {smallest.costs.kb:.1f} kB: {'; '.join(smallest.faults)}"
        )
    if (budgets.max_kb, budgets.max_us, budgets.max_ram_kb) == (None, None, None):
        return min(possible, key=lambda each: (each.costs.kb, each.increase_high))
    return min(possible, key=lambda each: (each.increase_high, each.costs.kb))


def _judged(
    form: SmallerForm, costs: FormCosts, compared: ComparisonSet, model: OnnxModel, spec: ProjectSpec
) -> JudgedForm:
    over = tuple(f"it takes {found}" for found in costs.over(spec.edge))
    if not form.name:
        return JudgedForm(form, costs, None, over)
    smaller = replace(compared, challenger=replace(model, compact_bytes=form.content))
    judged = non_inferiority(smaller, spec, spec.edge.max_loss)
    return JudgedForm(form, costs, judged, (*over, *judged.faults))
