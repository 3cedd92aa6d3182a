"""The section of a spec about a metric that is reported next to the one that is minimised."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.spec.field_types import IMPORT_PATH, SpecSection

Task = Literal["regression", "binary", "multiclass"]
CLASSES: tuple[Task, ...] = ("binary", "multiclass")
OF_TASK: dict[str, tuple[Task, ...]] = {
    "roc_auc": CLASSES,
    "pr_auc": CLASSES,
    "f1": CLASSES,
    "precision": ("binary",),
    "recall": ("binary",),
    "recall_at_precision": ("binary",),
    "recall_at_k": ("binary",),
    "precision_at_k": ("binary",),
    "top_k_accuracy": ("multiclass",),
    "calibration_error": CLASSES,
    "log_loss": CLASSES,
    "brier_score": CLASSES,
    "error_rate": CLASSES,
    "root_mean_squared_error": ("regression",),
    "mean_absolute_percentage_error": ("regression",),
    "symmetric_percentage_error": ("regression",),
    "pinball_loss": ("regression",),
    "r2": ("regression",),
    "mean_absolute_error": ("regression",),
    "median_absolute_error": ("regression",),
    "mean_absolute_log_error": ("regression",),
    "mean_squared_error": ("regression",),
}
"""Every known metric, and the tasks that it fits."""


def names_for(task: Task) -> str:
    """Return the known metrics that fit a task.

    >>> names_for("multiclass").split(", ")[:4]
    ['roc_auc', 'pr_auc', 'f1', 'top_k_accuracy']
    """
    return ", ".join(name for name, tasks in OF_TASK.items() if task in tasks)


SHARES = ("recall_at_precision", "pinball_loss")
COUNTS = ("recall_at_k", "precision_at_k", "top_k_accuracy")


class FurtherMetric(SpecSection):
    """A metric that is reported with its interval, and may be a guardrail of the gate."""

    use: str = Field(
        min_length=1,
        description=f"Its name: for two classes {names_for('binary')}; for several classes {names_for('multiclass')}, "
        "of which roc_auc, pr_auc and f1 are the mean over classes; for numbers "
        f"{names_for('regression')}. Or `module:function`, a function of the project with the arguments of "
        "scikit-learn's metrics: the truth and the prediction.",
    )
    at: float | None = Field(
        None,
        gt=0,
        description="What some metrics need: the precision for recall_at_precision, the quantile for pinball_loss, the "
        "number of classes for top_k_accuracy; for recall_at_k and precision_at_k the number of rows of each event day "
        "that are chosen, those with the highest predictions.",
    )
    higher_is_better: bool | None = Field(
        None, description="Whether a higher value is better; for a function of the project only, which needs it."
    )
    max_loss: float | None = Field(
        None,
        ge=0,
        description="Makes it a guardrail of the gate: by how much a challenger may be worse than the champion, in "
        "units of the metric. The whole paired interval has to be within. By default it is only reported.",
    )

    @field_validator("use")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in OF_TASK and not IMPORT_PATH.fullmatch(value):
            raise ValueError(f"found {value!r}; expected {', '.join(OF_TASK)}, or 'module:function'")
        return value

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if fault := self._fault:
            raise ValueError(f"metric {self.use!r}: {fault}")
        return self

    @property
    def _fault(self) -> str:
        if self.use in SHARES and (self.at is None or self.at >= 1):
            return f"`at` is {self.at}; expected a share between 0 and 1, such as 0.9"
        if self.use in COUNTS and (self.at is None or self.at != int(self.at)):
            return f"`at` is {self.at}; expected a whole number of at least 1"
        if self.at is not None and self.use not in {*SHARES, *COUNTS}:
            return f"it takes no `at`; take it out, or use {', '.join((*SHARES, *COUNTS))}"
        if self.is_own and self.higher_is_better is None:
            return "say with `higher_is_better` whether a higher value is better"
        if not self.is_own and self.higher_is_better is not None:
            return "it is known which value is better; take `higher_is_better` out"
        return ""

    @property
    def is_own(self) -> bool:
        """Whether it is a function of the project."""
        return self.use not in OF_TASK

    @property
    def name(self) -> str:
        """Its name in reports, as a series of MLflow may be called.

        >>> FurtherMetric(use="recall_at_k", at=100).name, FurtherMetric(use="roc_auc").name
        ('recall_at_k_100', 'roc_auc')
        >>> FurtherMetric(use="money:profit", higher_is_better=True).name
        'money.profit'
        """
        return self.use.replace(":", ".") if self.at is None else f"{self.use}_{self.at:g}"
