"""An erasure as it is planned and recorded: what is removed from which table, and what is left of the findings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from tasks.dataset.erasure_subject import Subject
from tasks.errors import DataError
from tasks.lake import one_of
from tasks.spec.cells.entity_keys import parts_of

PROTOCOL = 1
AT_ONCE = 1_000
SHOWN = 40  # characters of a cell in a finding: see `tasks.validate.verdict.cell_examples`
ERASED = "'(erased)'"
FORGOTTEN = ("predictions", "labels", "features", "profiles", "quarantine", "batches", "decisions", "rows")
"""The tables of which earlier states are removed."""


@dataclass(frozen=True)
class ErasurePlan:
    """An erasure that has begun: without any value, so that it can be stored until it is finished.

    Attributes
    ----------
    name : str
        When it began; the name of its entry in the decision record.
    salt, digest : str
        By which the same request is recognised.
    counts : dict of str to int
        What was found, by table.
    left : dict of str to int
        How many quarantined rows each batch has in the end.
    versions : tuple of str
        The versions that were registered while the rows were stored.
    """

    name: str
    salt: str
    digest: str
    counts: Mapping[str, int]
    left: Mapping[str, int]
    versions: tuple[str, ...] = ()
    protocol: int = field(default=PROTOCOL)

    def to_bytes(self) -> bytes:
        """Return the plan as JSON."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> ErasurePlan:
        """Return the plan of JSON.

        Raises
        ------
        DataError
            Another version of Leeway wrote it.
        """
        read: dict[str, Any] = json.loads(content)
        if read.get("protocol") != PROTOCOL:
            raise DataError(
                f"found an unfinished erasure of protocol {read.get('protocol')}; expected {PROTOCOL}. Finish it with "
                "the version of Leeway that began it"
            )
        return cls(**{**read, "versions": tuple(read["versions"])})

    @property
    def sentence(self) -> str:
        """What was erased, in words.

        >>> ErasurePlan("", "", "", {"rows": 2, "labels": 0}, {}, ("version 3",)).sentence
        'erased: 2 of rows; trained while they were stored: version 3'
        """
        found = ", ".join(f"{count:,} of {table}" for table, count in sorted(self.counts.items()) if count)
        learned = f"; trained while they were stored: {', '.join(self.versions)}" if self.versions else ""
        return f"erased: {found or 'nothing was stored'}{learned}"


class Erasable(Protocol):
    """What is stored of a subject: the ids of its rows, its entities, and its quarantined rows by batch."""

    row_ids: set[str]
    entities: set[str]
    quarantined: dict[str, list[str]]


def removals(subject: Subject, table: str, found: Erasable) -> Iterator[str]:
    """Yield what is removed from a table, as SQL.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> found = Part(row_ids={"7|a"}, entities={"7"}, quarantined={"b": ["{}"]})
    >>> for table in ("labels", "features", "quarantine"):
    ...     print(*removals(Subject("patient", frozenset("7")), table, found))
    "row_id" IN ('7|a')
    "entity" IN ('7')
    "batch_id" IN ('b') AND "raw" IN ('{}')
    """
    if subject.batch_ids:
        yield one_of("batch_id", sorted(subject.batch_ids))
    if table in {"rows", "labels", "predictions"}:
        yield from (one_of("row_id", some) for some in _some(found.row_ids))
    elif table == "features":
        yield from (one_of("entity", some) for some in _some(found.entities))
    elif table == "quarantine":
        for batch_id, refused in sorted(found.quarantined.items()):
            yield from (f"{one_of('batch_id', [batch_id])} AND {one_of('raw', some)}" for some in _some(refused))


def _some(values: Iterable[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(values)
    return (ordered[at : at + AT_ONCE] for at in range(0, len(ordered), AT_ONCE))


def without_subject(findings: str, subject: Subject, found: Erasable) -> str:
    """Return the findings of a batch, as the lake keeps them, without what they quote of a subject.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> found = Part(row_ids={"7"}, quarantined={"b": ['{"age": "old"}']})
    >>> finding = {"message": "2 of 9 rows: age is not a number: such as 'old', '4o'", "row_ids": ["7", "8"]}
    >>> print(without_subject(json.dumps([finding]), Subject("patient", frozenset("7")), found))
    [{"message": "2 of 9 rows: age is not a number: such as '(erased)', '4o'", "row_ids": ["8"]}]
    """
    names = {*subject.values, *found.row_ids}
    refused = (json.loads(raw) for rows in found.quarantined.values() for raw in rows)
    cells = {str(cell).strip()[:SHOWN] for row in refused for cell in row.values() if cell is not None}
    quoted = sorted((repr(cell) for cell in {*cells, *names} if cell), key=len, reverse=True)
    kept = []
    for finding in json.loads(findings):
        message = str(finding["message"])
        for quote in quoted:
            message = message.replace(quote, ERASED)
        row_ids = [name for name in finding.get("row_ids", ()) if names.isdisjoint([name, *parts_of(name)])]
        kept.append({**finding, "message": message, "row_ids": row_ids})
    return json.dumps(kept, sort_keys=True)


def without_ids(details: str, subject: Subject, found: Erasable) -> str:
    """Return the details of an entry of the decision record without the ids of a subject's rows.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> details = '{"answers": [{"proof": {"skewed": [{"row_id": "7", "version": 7}, {"row_id": "8"}]}}]}'
    >>> print(without_ids(details, Subject("patient", frozenset("7")), Part(row_ids=set())))
    {"answers": [{"proof": {"skewed": [{"row_id": "(erased)", "version": 7}, {"row_id": "8"}]}}]}
    """
    names = {*subject.values, *found.row_ids}

    def kept(content: dict[str, Any]) -> dict[str, Any]:
        row_id = content.get("row_id")
        own = isinstance(row_id, str) and not names.isdisjoint([row_id, *parts_of(row_id)])
        return content | {"row_id": "(erased)"} if own else content

    return json.dumps(json.loads(details, object_hook=kept), sort_keys=True, ensure_ascii=False)
