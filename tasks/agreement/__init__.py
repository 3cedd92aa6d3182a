"""Whether spec, lake, decision record and registry of a project still fit each other.

`mismatches` is pure; `flows.cli.project_facts` collects the facts.
"""

from tasks.agreement.mismatches import Mismatch, ProjectFacts, mismatches

__all__ = ["Mismatch", "ProjectFacts", "mismatches"]
