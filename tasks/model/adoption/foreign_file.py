"""The file of an estimator that was trained elsewhere: a skops file of allowed types; nothing else is read."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from dataclasses import dataclass
from typing import Any

from tasks.errors import DataError, EvidenceError
from tasks.model.adoption.sound_trees import tree_fault
from tasks.model.skops_model import read_skops

MOST_BYTES = 2_000_000_000
SKOPS = "in the program that trained it, `skops.io.dump(pipeline, 'model.skops')` writes one"
OF_BOOSTING = ("functools.partial", "sklearn.utils.validation.check_array")
"""What boosting on categories has in it: a check of its input, with arguments. Building it calls nothing."""
AS_THEY_ARE = ("FunctionNode", "PartialNode")
PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill")


@dataclass(frozen=True, slots=True)
class ForeignEstimator:
    """A fitted estimator or pipeline, and the version of scikit-learn that made it if that is another one."""

    fitted: Any
    made_with: str = ""


def foreign_estimator(name: str, content: bytes) -> ForeignEstimator:
    """Return the estimator of a file.

    Parameters
    ----------
    name : str
        Name of the file, for messages.

    Raises
    ------
    DataError
        It is no skops file, too large, or has a type that is not allowed. A pickle is not read, because reading one
        runs its code; neither is an ONNX file, which says nothing about the columns and their categories.
    """
    if fault := _fault(name, content):
        raise DataError(f"{name} is not adopted: {fault}")
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            _refuse_calls(content)
            fitted = read_skops(content, name, OF_BOOSTING)
        except EvidenceError as error:
            raise DataError(f"{name} is not adopted: {error}") from error
        except Exception as error:  # a damaged file may raise anything, also a RecursionError or MemoryError
            raise DataError(
                f"{name} is not adopted: it is damaged ({type(error).__name__}: {error}). Expected a skops file: "
                f"{SKOPS}"
            ) from error
    try:
        fault = tree_fault(fitted)
    except Exception as error:  # noqa: BLE001 - an attribute of a damaged estimator may be anything
        fault = f"it is damaged ({type(error).__name__}: {error}). Expected a skops file: {SKOPS}"
    if fault:
        raise DataError(f"{name} is not adopted: {fault}")
    made_with = {
        str(each.message.original_sklearn_version)
        for each in given
        if isinstance(each.message, InconsistentVersionWarning)
    }
    return ForeignEstimator(fitted, ", ".join(sorted(made_with)))


def _refuse_calls(content: bytes) -> None:
    """Refuse a file that has a function of boosting called: skops builds any allowed name by a call, if asked to."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        nodes = [json.loads(archive.read("schema.json"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            made = f"{node.get('__module__')}.{node.get('__class__')}"
            if made in OF_BOOSTING and node.get("__loader__") not in AS_THEY_ARE:
                raise EvidenceError(f"building it calls {made}. Expected what `skops.io.dump` writes: fit it again")
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def _fault(name: str, content: bytes) -> str:
    """Return why a file is not read; empty for one that looks like a skops file."""
    suffix = name[name.rfind(".") :].lower()
    if suffix in PICKLES or content.startswith(b"\x80"):
        return f"reading a pickle runs the code in it. Expected a skops file: {SKOPS}"
    if suffix == ".onnx":
        return f"ONNX says nothing about the kinds and categories of the columns. Expected a skops file: {SKOPS}"
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return f"found a file of another kind. Expected a skops file: {SKOPS}"
    size_bytes = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(content)).infolist())
    if size_bytes > MOST_BYTES:
        return f"unpacked it has {size_bytes:,} bytes; expected at most {MOST_BYTES:,}. Train a smaller model"
    return ""
