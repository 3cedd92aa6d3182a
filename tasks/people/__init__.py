"""People: what they decide of rows next to the model's answers, and how wrong each of them is."""

from tasks.people.audit import audited_rows
from tasks.people.people_comparison import compared_rows, compared_slices
from tasks.people.task import audit_answers, compare_with_people

__all__ = ["audit_answers", "audited_rows", "compare_with_people", "compared_rows", "compared_slices"]
