"""The file of an estimator that was trained elsewhere: a skops file of allowed types; nothing else is read."""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import dataclass
from typing import Any

from tasks.errors import DataError, EvidenceError
from tasks.model.adoption.adoptable_parts import CHECK, file_fault
from tasks.model.adoption.sound_parts import part_fault
from tasks.model.adoption.sound_trees import all_parts, tree_fault
from tasks.model.skops_model import read_skops

MOST_ADOPTED_BYTES = 1_000_000_000
SKOPS = "in the program that trained it, `skops.io.dump(pipeline, 'model.skops')` writes one"
CALLED = ("functools.partial", CHECK)
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
            fitted, fault = _read(name, content)
        except (EvidenceError, zipfile.BadZipFile) as error:
            raise DataError(f"{name} is not adopted: {error}") from error
        except MemoryError:
            raise
        except Exception as error:  # a damaged file and an attribute of its estimator may be anything
            raise DataError(
                f"{name} is not adopted: it is damaged ({type(error).__name__}: {error}). Expected a skops file: "
                f"{SKOPS}"
            ) from error
    if fault:
        raise DataError(f"{name} is not adopted: {fault}")
    made_with = {
        str(each.message.original_sklearn_version)
        for each in given
        if isinstance(each.message, InconsistentVersionWarning)
    }
    return ForeignEstimator(fitted, ", ".join(sorted(made_with)))


def _read(name: str, content: bytes) -> tuple[Any, str]:
    """Return the estimator, with one thread for each call, and why it is refused, if it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if fault := file_fault(archive, MOST_ADOPTED_BYTES):
            return None, fault
    fitted = read_skops(content, name, CALLED)
    for part in all_parts(fitted):
        if hasattr(part, "n_jobs"):
            part.n_jobs = None
    return fitted, tree_fault(fitted) or part_fault(fitted)


def _fault(name: str, content: bytes) -> str:
    """Return why a file is not read; empty for one that looks like a skops file."""
    suffix = name[name.rfind(".") :].lower()
    if suffix in PICKLES or content.startswith(b"\x80"):
        return f"reading a pickle runs the code in it. Expected a skops file: {SKOPS}"
    if suffix == ".onnx":
        return f"ONNX says nothing about the kinds and categories of the columns. Expected a skops file: {SKOPS}"
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return f"found a file of another kind. Expected a skops file: {SKOPS}"
    return ""
