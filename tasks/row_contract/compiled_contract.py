"""RowContract: what a row must satisfy, as plain values in JSON.

PROTOCOL is the number of the format. To change it: raise it, keep reading every older number, and keep a frozen package
of the old format in the tests. Protocol 1 has neither tables nor a function; a contract without them still is of it, so
that it stays as it was.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from tasks.inference.automation_degree import Degree
from tasks.row_contract.versioned_json import read_versioned

PROTOCOL = 2
PLAIN = 1
"""The protocol of a contract without tables and without a function."""
READABLE = (PLAIN, PROTOCOL)


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


class ServedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A feature table: the columns that it gives a row, by the values of its entity.

    Attributes
    ----------
    entity : tuple of str
        The columns of a row that name the entity.
    numbers, booleans, categories, dates : tuple of str
        Its columns by kind.
    delay_days, max_age_days : int, int or None
        When a value is known, and from when on it is too old: see `tasks.features.as_of`.
    """

    name: str
    entity: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    delay_days: int = 0
    max_age_days: int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All its columns."""
        return (*self.numbers, *self.booleans, *self.categories, *self.dates)


class ServedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the project that makes columns of a row.

    Attributes
    ----------
    path : str
        `module:function`.
    source : str
        The module of a function for one row, which a worker runs itself; empty for a function from a frame to a frame,
        which runs in a process of its own.
    folder : str
        The folder of the project, for that process; no part of what the contract says.
    digest : str
        A digest of the code in the folder: another one is not run.
    numbers, booleans, categories, dates : tuple of str
        The columns that it makes, by kind.
    refuses : bool
        Whether a row that it fails on breaks the contract; else its columns are missing.
    """

    path: str
    source: str = ""
    folder: str = ""
    digest: str = ""
    numbers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    refuses: bool = True


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
    tables : tuple of ServedTable
        The feature tables that are joined with a row.
    function : ServedFunction or None
        What makes further columns of a row and its tables.
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
    tables: tuple[ServedTable, ...] = ()
    function: ServedFunction | None = None

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
    if contract.protocol == PLAIN:
        del content["tables"], content["function"]
    elif contract.function is not None:
        del content["function"]["folder"]
    return hashlib.blake2b(msgspec.json.encode(content), digest_size=8).hexdigest()


def read_contract(content: bytes) -> RowContract:
    """Return the contract of JSON text.

    Raises
    ------
    EvidenceError
        It is no contract, or has an unknown protocol.
    """
    return read_versioned(content, RowContract, *READABLE)
