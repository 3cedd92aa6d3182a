"""Parts of a pipeline of a foreign file that are no trees: numbers which native code follows, and widths of results."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.model.adoption.sound_trees import all_parts

DISTANCES = ("euclidean", "minkowski", "manhattan", "chebyshev", "l1", "l2", "cityblock")
MOST_COLUMNS = 10_000
DAMAGED = "Fit it again: the file is damaged"


def part_fault(fitted: Any) -> str:
    """Return why a part of an estimator cannot be used; empty where all can."""
    for part in all_parts(fitted):
        for name, fault in FAULTS.items():
            is_fitted = hasattr(part, FITTED[name])  # else it raises when it is used: a search has such ones
            if type(part).__name__.startswith(name) and is_fitted and (found := fault(part)):
                return found
    return ""


def _encoder_fault(encoder: Any) -> str:
    """Return why the codes of an encoder do not fit the columns that it makes: it writes ones where they say."""
    if sum(encoder._n_features_outs) > MOST_COLUMNS:  # noqa: SLF001 - what its own transform reads
        return f"a OneHotEncoder makes more than {MOST_COLUMNS:,} columns. Fit it with max_categories"
    groups = encoder._default_to_infrequent_mappings if encoder._infrequent_enabled else []  # noqa: SLF001 - as above
    dropped = encoder._drop_idx_after_grouping  # noqa: SLF001 - as above
    columns = zip(encoder.categories_, encoder._n_features_outs, strict=True)  # noqa: SLF001 - as above
    for place, (known, width) in enumerate(columns):
        codes = np.arange(len(known)) if not groups or groups[place] is None else np.asarray(groups[place])
        if left_out := [] if dropped is None or dropped[place] is None else [int(dropped[place])]:
            codes = codes[codes != left_out[0]]
            codes = codes - (codes > left_out[0])
        fits = len(codes) <= len(known) and ((codes >= 0) & (codes < width)).all()
        if not fits or (groups and groups[place] is not None and len(groups[place]) != len(known)):
            return f"a OneHotEncoder has codes of no column of it. {DAMAGED}"
    return ""


def _neighbours_fault(neighbours: Any) -> str:
    rows = neighbours._fit_X  # noqa: SLF001 - what its own predict reads
    if neighbours._fit_method != "brute" or neighbours._tree is not None:  # noqa: SLF001 - as above
        return "a search tree cannot be checked. Fit the neighbours with algorithm='brute'"
    measures = neighbours.effective_metric_ in DISTANCES and set(neighbours.effective_metric_params_) <= {"p"}
    if not measures or not isinstance(rows, np.ndarray):
        return f"the distance of neighbours is none of {', '.join(DISTANCES)}, on dense rows. Fit it with one of them"
    fits = rows.shape == (neighbours.n_samples_fit_, neighbours.n_features_in_) and len(neighbours._y) == len(rows)  # noqa: SLF001 - as above
    return "" if fits else f"the rows of neighbours have another shape than they say. {DAMAGED}"


def _powers_fault(powers: Any) -> str:
    if powers.n_output_features_ > MOST_COLUMNS or powers._n_out_full > MOST_COLUMNS:  # noqa: SLF001 - as transform does
        return f"PolynomialFeatures makes more than {MOST_COLUMNS:,} columns. Fit it with a lower degree"
    return ""


def _bins_fault(bins: Any) -> str:
    many = sum(len(edges) for edges in bins.bin_edges_) > MOST_COLUMNS
    return f"KBinsDiscretizer has more than {MOST_COLUMNS:,} bins. Fit it with fewer" if many else ""


def _function_fault(transformer: Any) -> str:
    if transformer.kw_args or transformer.inv_kw_args:
        return "a FunctionTransformer has kw_args. Leave them out, or make the column with features.function"
    return ""


FAULTS = {
    "OneHotEncoder": _encoder_fault,
    "KNeighbors": _neighbours_fault,
    "PolynomialFeatures": _powers_fault,
    "KBinsDiscretizer": _bins_fault,
    "FunctionTransformer": _function_fault,
}
"""By the beginning of the name of a class."""
FITTED = {
    "OneHotEncoder": "categories_",
    "KNeighbors": "_fit_X",
    "PolynomialFeatures": "_n_out_full",
    "KBinsDiscretizer": "bin_edges_",
    "FunctionTransformer": "func",
}
"""An attribute without which the methods of the class raise."""
