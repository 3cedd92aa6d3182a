"""Compact: trees and linear models as small tables in one file, and their evaluation in C, bit for bit.

`trees_file` and `linear_file` write the file; its format is described in `compact_file`. `CompactEvaluator` checks a
file and answers rows of numbers; `native/` has its C.
"""

from tasks.compact.compact_evaluator import CompactEvaluator, is_built
from tasks.compact.compact_file import COMPACT_FILE, has_fixed_sums, linear_file, trees_file
from tasks.compact.grown_tree import GrownTree

__all__ = ["COMPACT_FILE", "CompactEvaluator", "GrownTree", "has_fixed_sums", "is_built", "linear_file", "trees_file"]
