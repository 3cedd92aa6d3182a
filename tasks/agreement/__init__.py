"""Whether spec, lake, decision record and registry of a project still fit each other, and what brings them in line.

`mismatches` is pure; `flows.project_facts` collects the facts.
"""

from tasks.agreement.convert_kinds import Survey, convert, surveyed
from tasks.agreement.mismatches import Mismatch, ProjectFacts, mismatches
from tasks.agreement.spec_in_force import changed_meaning, label_in_force

__all__ = [
    "Mismatch",
    "ProjectFacts",
    "Survey",
    "changed_meaning",
    "convert",
    "label_in_force",
    "mismatches",
    "surveyed",
]
