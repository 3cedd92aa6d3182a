"""People: what they decide of rows next to the model's answers, and how wrong each of them is."""

from tasks.people.hidden_answers import were_hidden
from tasks.people.people_comparison import compared_rows, compared_slices
from tasks.people.task import compare_with_people

__all__ = ["compare_with_people", "compared_rows", "compared_slices", "were_hidden"]
