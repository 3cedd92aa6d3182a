"""A pipeline that was fitted on a frame with names, put on the input matrix of the project's models.

Its columns are compared with the features of the spec. The result is a pipeline on the matrix (numbers, booleans, codes
of categories) that `export_model` reads like one that was trained here; `prove_parity` compares it with the original.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.model.adoption.code_encoders import CodedChain, Table, UnreadableChainError, coded_chain
from tasks.model.adoption.pipeline_parts import (
    ColumnPart,
    boosting_categories,
    boosting_on_codes,
    class_faults,
    column_parts,
    flat_steps,
    joined,
    reordered,
    without_names,
)
from tasks.model.export.exporters import raw_scores
from tasks.model.input_matrix import as_numbers, as_text
from tasks.spec.project_spec import ProjectSpec

KINDS = {"numbers": "number", "booleans": "boolean", "categories": "category", "dates": "date"}


@dataclass(frozen=True, slots=True)
class AdoptedPipeline:
    """A pipeline as it was fitted, and the same on a matrix.

    Attributes
    ----------
    original : estimator or Pipeline
        Fitted on a frame.
    on_matrix : Pipeline
        Fitted on the matrix of the columns below, in their order.
    columns : tuple of str
        The columns that it reads, in the order of the original.
    missing : dict
        How the original knows a missing category of a column: None or NaN.
    """

    original: Any
    on_matrix: Any
    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    booleans: tuple[str, ...]
    categories: dict[str, Table]
    missing: dict[str, float | None] = field(default_factory=dict)

    def scores(self, rows: pd.DataFrame) -> FloatArray:
        """Return the raw scores of the original; what is not among the categories of a column is missing to it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an encoder warns of each missing category
            return raw_scores(self.original, self._frame(rows))

    def require_answers(self, rows: pd.DataFrame) -> None:
        """Refuse a pipeline that fails on a row, because a value is missing in it or for another reason.

        Parameters
        ----------
        rows : DataFrame
            At least one row, without missing values if there is such a row.

        Raises
        ------
        DataError
            It names the columns, or what the pipeline raises.
        """
        columns = list(self.columns)
        row = rows.loc[[rows[columns].isna().sum(axis=1).idxmin()], columns]
        if failed := self._failure(row):
            raise DataError(f"the pipeline fails on a row: {failed}. Adopt one that answers the rows of the project")
        lacking = [name for name in columns if self._failure(row.assign(**{name: row[name].where(row[name].isna())}))]
        if lacking:
            raise DataError(
                f"the pipeline fails where {', '.join(lacking)} is missing; rows may lack any value. Fit it again with "
                "a SimpleImputer, or with an estimator that reads missing values"
            )

    def _failure(self, rows: pd.DataFrame) -> str:
        try:
            self.scores(rows)
        except Exception as error:  # noqa: BLE001 - an estimator of the user may raise anything
            return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return ""

    def _frame(self, rows: pd.DataFrame) -> Any:
        columns: dict[str, Any] = {}
        for name in self.columns:
            if name not in self.categories:
                columns[name] = as_numbers(rows[name])
                continue
            texts = as_text(rows[name])
            known = texts.isin(self.categories[name]).to_numpy(dtype=bool)
            values = texts.to_numpy(dtype=object).copy()
            values[~known] = self.missing[name]
            columns[name] = values
        return pd.DataFrame(columns, index=rows.index)


def adopted_pipeline(fitted: Any, spec: ProjectSpec) -> AdoptedPipeline:
    """Return a fitted estimator or pipeline with the columns that it reads.

    Supported are an estimator on numbers, boosting on numbers and categories, and a pipeline that begins with a
    ColumnTransformer, in which each column of categories first meets a OneHotEncoder or OrdinalEncoder, perhaps after a
    SimpleImputer; what follows may be anything of scikit-learn. Of a search the best estimator is read.

    Raises
    ------
    DataError
        Its columns, their kinds or its classes do not fit the spec: the message names them all.
    """
    fitted = getattr(fitted, "best_estimator_", fitted)
    if not hasattr(fitted, "predict") or getattr(fitted, "feature_names_in_", None) is None:
        raise DataError(
            f"found {type(fitted).__name__} without the names of its columns; expected an estimator or a pipeline that "
            f"was fitted on a frame with columns of {spec.project}: {', '.join(spec.features.learned)}"
        )
    names, steps = [str(name) for name in fitted.feature_names_in_], flat_steps(fitted)
    is_first = type(steps[0]).__name__ == "ColumnTransformer"
    parts = column_parts(steps[0], names) if is_first else [ColumnPart(tuple(steps[:-1]), tuple(names))]
    read = [name for name in names if any(name in part.columns for part in parts)]
    kinds = _kinds(spec)
    _refuse([*_misfits(read, kinds), *class_faults(steps[-1], spec.training.task)], spec)
    coded = _coded(parts, steps[-1], kinds, spec)
    known = _known_categories(parts, coded, spec)
    order = [name for kind in ("number", "boolean", "category") for name in read if kinds[name] == kind]
    before = [joined(parts, coded, order), *steps[1:-1]] if is_first else reordered(names, order, coded[0].transformers)
    return AdoptedPipeline(
        original=fitted,
        on_matrix=without_names([*before, boosting_on_codes(steps[-1])]),
        columns=tuple(read),
        numbers=tuple(name for name in order if kinds[name] == "number"),
        booleans=tuple(name for name in order if kinds[name] == "boolean"),
        categories={name: known[name][0] for name in order if kinds[name] == "category"},
        missing={name: mark for name, (_, mark) in known.items()},
    )


def _kinds(spec: ProjectSpec) -> dict[str, str]:
    return {name: kind for kinds, kind in KINDS.items() for name in getattr(spec.features, kinds)}


def _misfits(read: Sequence[str], kinds: Mapping[str, str]) -> list[str]:
    """Return what of the columns does not fit the spec."""
    unknown = [name for name in read if name not in kinds]
    dates = [name for name in read if kinds.get(name) == "date"]
    found = [] if not unknown else [f"{', '.join(unknown)}: no features of the spec"]
    said = "dates, which are read as numbers only (make these with features.function)"
    return found if not dates else [*found, f"{', '.join(dates)}: {said}"]


def _coded(parts: Sequence[ColumnPart], final: Any, kinds: Mapping[str, str], spec: ProjectSpec) -> list[CodedChain]:
    """Return the transformers of each part on codes."""
    coded, faults = [], []
    for part in parts:
        is_category = [kinds[name] == "category" for name in part.columns]
        try:
            if not part.transformers and (found := boosting_categories(final, is_category)) is not None:
                coded.append(found)
            elif any(is_category):
                coded.append(coded_chain(part.transformers, is_category))
            else:
                coded.append(CodedChain(part.transformers, (None,) * len(part.columns), ()))
        except UnreadableChainError as error:
            named = [name for name, text in zip(part.columns, is_category, strict=True) if text] or part.columns
            faults.append(f"{', '.join(named)} {error}")
    _refuse(faults, spec)
    return coded


def _known_categories(
    parts: Sequence[ColumnPart], coded: Sequence[CodedChain], spec: ProjectSpec
) -> dict[str, tuple[Table, float | None]]:
    """Return the table of each column of categories, and how a missing one is known."""
    known: dict[str, tuple[Table, float | None]] = {}
    faults = []
    for part, chain in zip(parts, coded, strict=True):
        for name, table, mark in zip(part.columns, chain.tables, chain.missing or chain.tables, strict=True):
            if table is None:
                continue
            if name in known and known[name][0] != table:
                faults.append(f"{name} has other categories in two parts of the ColumnTransformer")
            known[name] = (table, mark if not isinstance(mark, tuple) else None)
    _refuse(faults, spec)
    return known


def _refuse(faults: Sequence[str], spec: ProjectSpec) -> None:
    if not faults:
        return
    features = ", ".join(f"{name} ({kind})" for name, kind in _kinds(spec).items())
    raise DataError(
        f"the pipeline does not fit the spec of {spec.project}: {'; '.join(faults)}. The spec has {features}. Correct "
        "the spec, or fit the pipeline again on such columns"
    )
