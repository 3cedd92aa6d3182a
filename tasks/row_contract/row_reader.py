"""Reads rows of JSON values by a contract, and names every fault of a row at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from tasks.row_contract.cell_values import Cell, CellFaultError, boolean, category, number, time_reader
from tasks.row_contract.row_rules import check_of

if TYPE_CHECKING:  # a bundle has this module without its contract's
    from tasks.row_contract.compiled_contract import RowContract


class TypedRow(NamedTuple):
    """A row that satisfies its contract: its id, its typed values by column, and the state of its feature tables."""

    row_id: str
    values: dict[str, Any]
    tables: str = ""


class Fault(NamedTuple):
    """What is wrong with a row.

    Attributes
    ----------
    reason : str
        The reason code of the nightly batch, such as `not_a_number:area`.
    column : str
        The column, or several joined by commas.
    expected : str
        What is expected, in words.
    """

    reason: str
    column: str
    expected: str


class RowRefused(ValueError):  # noqa: N818 - a verdict, not an error of the service
    """A row breaks its contract."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.reason for fault in faults))


EXPECTED = {
    "number": "a number from -1.8e308 to 1.8e308, whole numbers up to 2^53, or null",
    "boolean": "true, false or null",
    "category": "a text of up to 1000 characters, or null",
    "time": "a time in ISO 8601 such as 2026-01-31T08:30:00Z, of the years 1700 to 2200, or null",
}


class ContractReader:
    """Reads rows by a contract.

    Examples
    --------
    >>> from tasks.row_contract.compiled_contract import RowContract
    >>> contract = RowContract(protocol=1, project="demo", ids=("id",), event_time="day", time_zone="UTC",
    ...                        numbers=("area",))
    >>> reader = ContractReader(contract)
    >>> reader.read({"id": 7, "day": "2026-01-02", "area": "50"}).row_id
    '7'
    >>> reader.read({"id": 7, "area": "big"})
    Traceback (most recent call last):
    tasks.row_contract.row_reader.RowRefused: not_a_number:area; missing_time:day
    """

    def __init__(self, contract: RowContract) -> None:
        self._contract, self._zone = contract, ZoneInfo(contract.time_zone)
        self._cells = cells(contract)
        kinds = {name: kind for name, _, kind in self._cells}
        self._id_cells = [(name, *_id_cell(name, contract, kinds[name])) for name in contract.ids]
        self._rules = [(rule, check_of(rule)) for rule in contract.rules]
        self._known = frozenset((*contract.columns, *contract.known_columns))

    def read(self, row: Mapping[str, Any]) -> TypedRow:
        """Return a row with typed values.

        Raises
        ------
        RowRefused
            The row has faults; rules are checked only on rows with values that could all be read.
        """
        faults: list[Fault] = []
        values: dict[str, Any] = {}
        get = row.get
        for name, cell, kind in self._cells:
            try:
                values[name] = cell(get(name))
            except CellFaultError as fault:
                faults.append(Fault(f"{fault.code}:{name}", name, EXPECTED[kind]))
        row_id = self._row_id(row, values, faults)
        self._check_time(values, faults)
        if self._contract.new_columns == "refuse" and not self._known.issuperset(row):
            faults += [_unknown(name) for name in sorted(set(row) - self._known)]
        if not faults:
            faults = [_broken(rule) for rule, check in self._rules if not check(values)]
        if faults:
            raise RowRefused(list(dict.fromkeys(faults)))
        return TypedRow(row_id, values)

    def ignored(self, row: Mapping[str, Any]) -> set[str]:
        """Return the columns of a row that the contract does not name."""
        return set() if self._known.issuperset(row) else set(row) - self._known

    def _row_id(self, row: Mapping[str, Any], values: Mapping[str, Any], faults: list[Fault]) -> str:
        parts: list[str] = []
        for name, cell, kind in self._id_cells:
            if cell is None and name not in values:
                continue  # it could not be read, which is a fault already
            try:
                value = values[name] if cell is None else cell(row.get(name))
            except CellFaultError as fault:
                faults.append(Fault(f"{fault.code}:{name}", name, EXPECTED[kind]))
                continue
            if value is None:
                faults.append(Fault(f"missing_id:{name}", name, "a value: the column is a part of the row's id"))
                continue
            parts.append(time_text(value, self._zone) if kind == "time" else value)
        if len(parts) == 1:
            return parts[0]
        return "|".join([part.replace("\\", "\\\\").replace("|", "\\|") for part in parts])

    def _check_time(self, values: Mapping[str, Any], faults: list[Fault]) -> None:
        name = self._contract.event_time
        if values.get(name, faults) is None and name not in self._contract.ids:
            faults.append(Fault(f"missing_time:{name}", name, "the time of the event, in ISO 8601"))


def time_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return a time as it is written in row ids; midnight is a date, and the second of two equal times has its offset.

    >>> zone = ZoneInfo("Europe/Berlin")
    >>> time_text(datetime(2014, 5, 2), zone), time_text(datetime(2014, 5, 2, 10, 30), zone)
    ('2014-05-02', '2014-05-02T10:30:00')
    >>> time_text(datetime(2025, 10, 26, 2, 10, fold=1), zone)
    '2025-10-26T02:10:00+01:00'
    """
    if moment.fold:
        return moment.replace(tzinfo=zone).isoformat()
    text = moment.isoformat()
    return text[:10] if text[11:] == "00:00:00" else text


def cells(contract: RowContract) -> list[tuple[str, Cell, str]]:
    """Return the columns of a contract with their readers and kinds; a later kind takes precedence, as in the batch."""
    read_number = number if contract.decimal == "." else partial(number, decimal=contract.decimal)
    read_time = time_reader(contract.time_zone)
    kinds: dict[str, tuple[Cell, str]] = dict.fromkeys([*contract.ids, *contract.entities], (category, "category"))
    kinds[contract.event_time] = (read_time, "time")
    kinds |= dict.fromkeys(contract.numbers, (read_number, "number"))
    kinds |= dict.fromkeys(contract.booleans, (boolean, "boolean"))
    kinds |= dict.fromkeys(contract.categories, (category, "category"))
    kinds |= dict.fromkeys(contract.dates, (read_time, "time"))
    return [(name, cell, kind) for name, (cell, kind) in kinds.items()]


def _id_cell(name: str, contract: RowContract, kind: str) -> tuple[Cell | None, str]:
    """Return how an id column is read: as the event time if it is that, else as text; None if it is read so already."""
    wanted = "time" if name == contract.event_time else "category"
    if kind == wanted:
        return None, wanted
    return (time_reader(contract.time_zone) if wanted == "time" else category), wanted


def _unknown(name: str) -> Fault:
    return Fault(f"unknown_column:{name}", name, "only columns that the contract names")


def _broken(rule: Any) -> Fault:
    limits = ", ".join(f"{name}={value}" for name, value in sorted(rule.limits.items()) if value is not None)
    return Fault(rule.reason, ", ".join(rule.columns), f"{rule.rule}({limits})")
