"""RowContract: what a row must satisfy, as plain values in JSON.

PROTOCOL is the number of the format. To change it: raise it, keep reading every older number, and keep a frozen package
of the old format in the tests.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from tasks.inference.automation_degree import Degree
from tasks.row_contract.versioned_json import read_versioned

PROTOCOL = 1


class RowRule(msgspec.Struct, frozen=True, kw_only=True):
    """A critical expectation about each row by itself.

    Attributes
    ----------
    rule : str
        Its type in Great Expectations.
    columns : tuple of str
        The columns that it reads.
    limits : dict
        Its other arguments.
    """

    rule: str
    columns: tuple[str, ...]
    limits: dict[str, Any] = {}

    @property
    def reason(self) -> str:
        """The reason code that a refused row has.

        >>> RowRule(rule="expect_column_values_to_not_be_null", columns=("area",)).reason
        'expect_column_values_to_not_be_null:area'
        """
        return ":".join([self.rule, *self.columns])


class RowContract(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a project's rows by kind, and the rules that each row must satisfy.

    Attributes
    ----------
    ids : tuple of str
        The columns that identify a row, in the order of the row id: the event time too if ids are used again.
    event_time, time_zone : str
        The column of the event time, and the zone of all times without an offset.
    numbers, booleans, categories, dates : tuple of str
        Feature columns by kind.
    entities : tuple of str
        Further columns that are read as categories.
    decimal : '.' or ','
        The decimal sign of numbers written as text.
    new_columns : {"ignore", "refuse"}
        What happens to a column that the spec does not name.
    known_columns : tuple of str
        Columns that may be delivered and are not read: the label, and those that are dropped for privacy.
    rules : tuple of RowRule
        The critical expectations about each row by itself.
    degree : str
        The degree of automation: which rows are answered without a person.
    audit_share, blind_share : float
        The share of these that a person decides too; and of the rows that are proposed, those without the proposal.
    """

    protocol: int
    project: str
    ids: tuple[str, ...]
    event_time: str
    time_zone: str
    numbers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    decimal: str = "."
    new_columns: Literal["ignore", "refuse"] = "ignore"
    known_columns: tuple[str, ...] = ()
    rules: tuple[RowRule, ...] = ()
    degree: Degree = "partial"
    audit_share: float = 0.0
    blind_share: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        kinds = (self.ids, (self.event_time,), self.numbers, self.booleans, self.categories, self.dates, self.entities)
        return tuple(dict.fromkeys(name for names in kinds for name in names))


def contract_digest(contract: RowContract) -> str:
    """Return a digest of a contract: equal ones read and refuse the same rows, and predict the same of them.

    Which rows are audited, or answered without the proposal, changes no prediction.
    """
    content = msgspec.to_builtins(contract)
    del content["audit_share"], content["blind_share"]
    return hashlib.blake2b(msgspec.json.encode(content), digest_size=8).hexdigest()


def read_contract(content: bytes) -> RowContract:
    """Return the contract of JSON text.

    Raises
    ------
    EvidenceError
        It is no contract, or has an unknown protocol.
    """
    return read_versioned(content, RowContract, PROTOCOL)
