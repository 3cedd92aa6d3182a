"""Validate: deliveries in, checked deliveries out: typed accepted rows, refused rows as delivered, reasons, a verdict.

Bad data is never an exception. What is raised is a contract that cannot be used.
"""

from tasks.validate.check import check, check_all, unreadable
from tasks.validate.contract import Suite, read_suite
from tasks.validate.labels import check_labels
from tasks.validate.typed import Typed, typed

__all__ = ["Suite", "Typed", "check", "check_all", "check_labels", "read_suite", "typed", "unreadable"]
