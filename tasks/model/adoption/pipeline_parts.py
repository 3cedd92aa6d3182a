"""The parts of a fitted pipeline, and what is made of them on a matrix instead of a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.errors import DataError
from tasks.model.adoption.code_encoders import CodedChain, UnreadableChainError, is_missing
from tasks.model.adoption.sound_trees import all_parts

OF_FRAMES = ("feature_names_in_", "_sklearn_output_config")


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """Some columns, and the fitted transformers that they pass in turn."""

    transformers: tuple[Any, ...]
    columns: tuple[str, ...]


def flat_steps(fitted: Any) -> list[Any]:
    """Return the steps of a pipeline, with those of pipelines in it, and without those that change nothing."""
    if not hasattr(fitted, "steps"):
        changes = fitted not in (None, "passthrough") and not _is_identity(fitted)
        return [fitted] if changes else []
    return [each for _, step in fitted.steps for each in flat_steps(step)]


def column_parts(transformer: Any, names: Sequence[str]) -> list[ColumnPart]:
    """Return the parts of a fitted ColumnTransformer that keep columns.

    Raises
    ------
    DataError
        It multiplies its parts by weights.
    """
    if transformer.transformer_weights:
        raise DataError("found transformer_weights in the ColumnTransformer; scale the columns in its parts instead")
    parts = [
        ColumnPart(tuple(flat_steps(part)), _chosen(columns, names))
        for _, part, columns in transformer.transformers_
        if part != "drop"
    ]
    return [part for part in parts if part.columns]


def joined(parts: Sequence[ColumnPart], coded: Sequence[CodedChain], order: Sequence[str]) -> Any:
    """Return a fitted ColumnTransformer of the parts, on a matrix with the columns in an order."""
    from sklearn.compose import ColumnTransformer

    places = [[order.index(name) for name in part.columns] for part in parts]
    chosen = [(str(number), "passthrough", places_of) for number, places_of in enumerate(places)]
    transformer = ColumnTransformer(chosen).fit(np.zeros((1, len(order))))
    transformer.transformers_ = [
        (str(number), _chain(chain.transformers), places_of)
        for number, (chain, places_of) in enumerate(zip(coded, places, strict=True))
    ]
    return transformer


def reordered(names: Sequence[str], order: Sequence[str], transformers: Sequence[Any]) -> list[Any]:
    """Return transformers on a matrix with the columns in an order, which need them as they were named."""
    from sklearn.compose import ColumnTransformer

    if list(names) == list(order):
        return list(transformers)
    places = [order.index(name) for name in names]
    return [ColumnTransformer([("order", "passthrough", places)]).fit(np.zeros((1, len(order)))), *transformers]


def without_names(steps: Sequence[Any]) -> Any:
    """Return a pipeline of copies of fitted steps that are given matrices, and no frames."""
    from sklearn.pipeline import Pipeline

    copies = deepcopy(list(steps))
    for each in all_parts(copies):
        for name in OF_FRAMES:
            getattr(each, "__dict__", {}).pop(name, None)
    return Pipeline([(str(number), each) for number, each in enumerate(copies)])


def boosting_categories(final: Any, is_category: Sequence[bool]) -> CodedChain | None:
    """Return the categories of boosting that reads texts itself; None for another estimator.

    Raises
    ------
    UnreadableChainError
        It reads other columns as categories than the spec does.
    """
    encoder = _own_encoder(final)
    if encoder is None or not any(is_category):
        return None
    if list(final.is_categorical_) != list(is_category):
        raise UnreadableChainError("are categories in the spec, and the estimator was fitted on others")
    tables = iter([tuple(str(v) for v in values if not is_missing(v)) for values in encoder.categories_])
    return CodedChain((), tuple(next(tables) if text else None for text in is_category), (math.nan,) * len(is_category))


def boosting_on_codes(final: Any) -> Any:
    """Return boosting that reads the codes of categories instead of texts; another estimator as it is."""
    if _own_encoder(final) is None:
        return final
    coded = deepcopy(final)
    encoder = _own_encoder(coded)
    encoder.categories_ = [
        np.array([math.nan if is_missing(value) else float(code) for code, value in enumerate(values)])
        for values in encoder.categories_
    ]
    return coded


def class_faults(final: Any, task: str) -> list[str]:
    """Return what of an estimator's classes does not fit a task.

    >>> from sklearn.linear_model import LogisticRegression
    >>> class_faults(LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"]), "binary")
    ["its classes are ['no', 'yes'], and the labels of the task 'binary' are 0 and 1"]
    """
    classes = getattr(final, "classes_", None)
    if (classes is None) != (task == "regression"):
        kind = "no classes" if classes is None else "classes"
        return [f"it has {kind}, and training.task is {task!r}"]
    if classes is None or task == "multiclass":
        return []
    known = np.asarray(classes).tolist()
    return [] if known == [0, 1] else [f"its classes are {known}, and the labels of the task 'binary' are 0 and 1"]


def _own_encoder(final: Any) -> Any:
    """Return the encoder of texts in boosting; None where it has none, or was fitted on codes."""
    prepared = getattr(final, "_preprocessor", None)
    if prepared is None or not type(final).__module__.startswith("sklearn.ensemble."):
        return None
    encoder = prepared.named_transformers_["encoder"]
    has_texts = any(isinstance(value, str) for values in encoder.categories_ for value in values)
    return encoder if has_texts else None


def _is_identity(transformer: Any) -> bool:
    return type(transformer).__name__ == "FunctionTransformer" and transformer.func is None


def _chosen(columns: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns that are chosen by name, place, slice or mask.

    >>> _chosen("age", ["plan", "age"]), _chosen([0], ["plan", "age"]), _chosen([False, True], ["plan", "age"])
    (('age',), ('plan',), ('age',))
    """
    chosen = [columns] if isinstance(columns, str) else columns
    if not isinstance(chosen, slice) and len(np.atleast_1d(chosen)) and isinstance(np.atleast_1d(chosen)[0], str):
        return tuple(str(name) for name in chosen)
    return tuple(np.atleast_1d(np.array(names, dtype=object)[chosen]).tolist())


def _chain(transformers: Sequence[Any]) -> Any:
    from sklearn.pipeline import Pipeline

    if not transformers:
        return _identity()
    return Pipeline([(str(number), each) for number, each in enumerate(transformers)])


def _identity() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(accept_sparse=True).fit(np.zeros((1, 1)))
