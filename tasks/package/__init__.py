"""Package: from a verified version, its spec and its suite to what the prediction service answers from.

`compile_contract` returns the row contract, or every reason why single rows cannot be answered as the nightly batch
answers them. `reference_rows` makes the requests with which a worker proves itself.
"""

from tasks.package.checkable_rules import rule_fault
from tasks.package.compile_contract import compile_contract, not_requested, unservable
from tasks.package.reference_joins import reference_joins, with_joined
from tasks.package.reference_rows import reference_rows

__all__ = [
    "compile_contract",
    "not_requested",
    "reference_joins",
    "reference_rows",
    "rule_fault",
    "unservable",
    "with_joined",
]
