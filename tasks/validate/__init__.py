"""Validate: deliveries in, checked deliveries out: typed accepted rows, refused rows as delivered, reasons, a verdict.

Bad data is never an exception. What is raised is a contract that cannot be used.
"""

from tasks.validate.check import check, check_all, unreadable
from tasks.validate.chunks import ChunkedCheck
from tasks.validate.consistency import LabelReport, label_report
from tasks.validate.consistency_text import label_markdown
from tasks.validate.contract import Suite, read_suite
from tasks.validate.ended import Ended
from tasks.validate.feature_rows import check_features
from tasks.validate.labels import check_labels
from tasks.validate.page import validation_markdown, validation_page
from tasks.validate.typed import Typed, typed

__all__ = [
    "ChunkedCheck",
    "Ended",
    "LabelReport",
    "Suite",
    "Typed",
    "check",
    "check_all",
    "check_features",
    "check_labels",
    "label_markdown",
    "label_report",
    "read_suite",
    "typed",
    "unreadable",
    "validation_markdown",
    "validation_page",
]
