"""Validate: deliveries in, verdicts out, with typed accepted rows, refused rows as delivered, and reasons.

Bad data never raises an exception. Only a contract that cannot be used does.
"""

from tasks.validate.contract.suite import Suite, orphans, read_suite
from tasks.validate.label_quality.consistency import LabelReport, label_report
from tasks.validate.label_quality.consistency_markdown import label_markdown
from tasks.validate.summary.validation_page import validation_markdown, validation_page
from tasks.validate.typing.typed_frame import Typed, typed
from tasks.validate.verdict.check_feature_rows import check_features
from tasks.validate.verdict.check_labels import check_labels
from tasks.validate.verdict.check_rows import check, check_all, unreadable

__all__ = [
    "LabelReport",
    "Suite",
    "Typed",
    "check",
    "check_all",
    "check_features",
    "check_labels",
    "label_markdown",
    "label_report",
    "orphans",
    "read_suite",
    "typed",
    "unreadable",
    "validation_markdown",
    "validation_page",
]
