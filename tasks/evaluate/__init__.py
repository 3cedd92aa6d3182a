"""The gate: two models and rows newer than both in, evidence out - a verdict, and each number it rests on.

Nothing here decides who serves: a person, or promotion's own rules, read the evidence.
"""

from tasks.evaluate.compare import Comparison, compare
from tasks.evaluate.contest import Contest
from tasks.evaluate.evidence import PROTOCOL, Evidence
from tasks.evaluate.gate import gate
from tasks.evaluate.slices import SliceResult

__all__ = ["PROTOCOL", "Comparison", "Contest", "Evidence", "SliceResult", "compare", "gate"]
