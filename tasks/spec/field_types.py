"""The types of spec fields: names, columns, shares, import paths and references to secrets."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tasks.spec.own_names import kept_apart

NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
NAME_IN_WORDS = "1 to 63 lower-case letters, digits and dashes, not starting with a dash"
Name = Annotated[str, Field(pattern=NAME.pattern)]
Column = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(kept_apart)]
Share = Annotated[float, Field(ge=0, le=1)]
Metric = Literal[
    "mean_absolute_error",
    "mean_absolute_log_error",
    "mean_squared_error",
    "mean_absolute_percentage_error",
    "pinball_loss_05",
    "pinball_loss_10",
    "pinball_loss_25",
    "pinball_loss_75",
    "pinball_loss_90",
    "pinball_loss_95",
    "log_loss",
    "brier_score",
    "error_rate",
]
QUANTILE_METRICS = {f"pinball_loss_{percent:02d}": percent / 100 for percent in (5, 10, 25, 75, 90, 95)}
"""Metrics of a predicted quantile, and which quantile that is."""
REGRESSION_METRICS = (
    "mean_absolute_error",
    "mean_absolute_log_error",
    "mean_squared_error",
    "mean_absolute_percentage_error",
    *QUANTILE_METRICS,
)
BINARY_METRICS = ("log_loss", "brier_score", "error_rate")
IMPORT_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
COUNTED_TIMES = ("epoch_s", "epoch_ms", "epoch_us", "excel")
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


def time_format(value: str) -> str:
    """Return the name of a time format, or refuse one that `datetime.strptime` does not know.

    >>> time_format("%d.%m.%Y"), time_format("epoch_ms")
    ('%d.%m.%Y', 'epoch_ms')
    """
    expected = f"expected a format such as '%d.%m.%Y %H:%M', or one of {', '.join(COUNTED_TIMES)}"
    if value in COUNTED_TIMES:
        return value
    named = set(re.findall(r"%(.)", value))
    if not named.intersection("djuxc"):
        raise ValueError(f"found {value!r}, which names no day; {expected}")
    try:
        datetime.strptime("", value)  # noqa: DTZ007 - only the directives are looked at
    except ValueError as error:
        if "directive" in str(error) or "stray" in str(error):
            raise ValueError(f"found {value!r} ({error}); {expected}") from error
    if not named.intersection("YyGxc"):
        raise ValueError(f"found {value!r}, which names no year, so every row would be of 1900; {expected}")
    return value
