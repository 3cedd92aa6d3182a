"""The types of spec fields: names, columns, shares, import paths and references to secrets."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
NAME_IN_WORDS = "1 to 63 lower-case letters, digits and dashes, not starting with a dash"
Name = Annotated[str, Field(pattern=NAME.pattern)]
Column = Annotated[str, Field(min_length=1, max_length=128)]
Share = Annotated[float, Field(ge=0, le=1)]
Metric = Literal[
    "mean_absolute_error",
    "mean_absolute_log_error",
    "mean_squared_error",
    "log_loss",
    "brier_score",
    "error_rate",
]
REGRESSION_METRICS = ("mean_absolute_error", "mean_absolute_log_error", "mean_squared_error")
BINARY_METRICS = ("log_loss", "brier_score", "error_rate")
IMPORT_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
SECRET_REFERENCE = re.compile(r"^env:[A-Z][A-Z0-9_]*$")


class SpecSection(BaseModel):
    """A part of the spec: frozen, without unknown keys, and strict about types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, str_strip_whitespace=True)


def secret_reference(value: str) -> str:
    """Return the reference, or refuse any other text without showing it, because it may be the secret.

    >>> secret_reference("env:LEEWAY_KEY")
    'env:LEEWAY_KEY'
    """
    if not SECRET_REFERENCE.fullmatch(value):
        raise ValueError("expected a reference such as 'env:LEEWAY_KEY'; a spec never contains the secret itself")
    return value
