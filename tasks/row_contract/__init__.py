"""The row contract: the rules of a project's deliveries for single rows, without pandas.

`RowContract` is compiled from the spec and the expectations suite by `tasks.package`. `ContractReader` reads a row of
JSON values as `tasks.validate` reads a delivery of JSON lines: every row that it accepts has the same typed values, and
every row that the nightly batch refuses is refused. `InputRows` turns typed values into the inputs of a model, bit
for bit as `tasks.model.input_matrix` does.
"""

from tasks.row_contract.compiled_contract import RowContract, RowRule
from tasks.row_contract.input_rows import InputRows
from tasks.row_contract.row_reader import ContractReader, Fault, RowRefused, TypedRow

__all__ = ["ContractReader", "Fault", "InputRows", "RowContract", "RowRefused", "RowRule", "TypedRow"]
