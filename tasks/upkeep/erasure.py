"""An erasure as it is planned and recorded: what is removed from which table, and what is left of the findings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

from tasks.dataset.erasure_subject import Subject
from tasks.errors import DataError
from tasks.lake import Cell, one_of

PROTOCOL = 3
READ = (1, 2, PROTOCOL)  # a plan of protocol 1 has no `batch_ids` and no `unclear`, one of 2 has no `moved`
AT_ONCE = 1_000
IN_TEXT = re.compile(r"(?<=\bdiffer, row )(?P<row_id>.+?)(?= of version \d+ from its )")
"""How an answer names a row, and a reason of an earlier version did: see `tasks.decide.questions.skew`."""
C = TypeVar("C", bound=Cell)
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
    batch_ids : tuple of str
        The deliveries that are erased as a whole.
    unclear : int
        Refused rows without the column and with one of the ids in another; they stay.
    moved : dict of str to (int, int)
        The bases of batches of rows that are written again: before and after.
    """

    name: str
    salt: str
    digest: str
    counts: Mapping[str, int]
    left: Mapping[str, int]
    versions: tuple[str, ...] = ()
    batch_ids: tuple[str, ...] = ()
    unclear: int = 0
    moved: Mapping[str, Sequence[int]] = field(default_factory=dict)
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
            A later version of Leeway wrote it.

        Examples
        --------
        >>> ErasurePlan.from_bytes(ErasurePlan("", "", "", {}, {}, batch_ids=("b",)).to_bytes()).batch_ids
        ('b',)
        """
        read: dict[str, Any] = json.loads(content)
        if read.get("protocol") not in READ:
            raise DataError(
                f"found an unfinished erasure of protocol {read.get('protocol')}; expected {PROTOCOL}. Finish it with "
                "the version of Leeway that began it"
            )
        tuples = {name: tuple(read.get(name, ())) for name in ("versions", "batch_ids")}
        return cls(**{**read, **tuples, "protocol": PROTOCOL})

    @property
    def sentence(self) -> str:
        """What was erased, in words.

        >>> ErasurePlan("", "", "", {"rows": 2, "labels": 0}, {}, ("version 3",)).sentence
        'erased: 2 of rows; trained while they were stored: version 3'
        """
        found = ", ".join(f"{count:,} of {table}" for table, count in sorted(self.counts.items()) if count)
        learned = f"; trained while they were stored: {', '.join(self.versions)}" if self.versions else ""
        unclear = f"{self.unclear:,} of quarantine, with such an id in another column"
        left = f"; not erased: {unclear}" if self.unclear else ""
        return f"erased: {found or 'nothing was stored'}{learned}{left}"


class Erasable(Protocol):
    """What is stored of a subject: the ids of its rows, its entities by table, and its quarantined rows by batch."""

    row_ids: set[str]
    entities: set[tuple[str, str]]
    quarantined: dict[str, list[str]]


def removals(subject: Subject, table: str, found: Erasable, cells: Iterable[Cell] = ()) -> Iterator[str]:
    """Yield what is removed from a table, as SQL.

    Parameters
    ----------
    cells : iterable
        The subject's values of its column in the table of rows, as they are stored there.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> found = Part(row_ids={"7|a"}, entities={("tests", "7")}, quarantined={"b": ["{}"]})
    >>> for table in ("labels", "features", "quarantine"):
    ...     print(*removals(Subject("patient", frozenset("7")), table, found))
    "row_id" IN ('7|a')
    "table" IN ('tests') AND "entity" IN ('7')
    "batch_id" IN ('b') AND "raw" IN ('{}')
    """
    if subject.batch_ids:
        yield one_of("batch_id", sorted(subject.batch_ids))
    if table == "rows":
        yield from (one_of(str(subject.column), some) for some in _some(cells))
    if table in {"rows", "labels", "predictions"}:
        yield from (one_of("row_id", some) for some in _some(found.row_ids))
    elif table == "features":
        for name in sorted({name for name, _ in found.entities}):
            own = [entity for of_table, entity in found.entities if of_table == name]
            yield from (f"{one_of('table', [name])} AND {one_of('entity', some)}" for some in _some(own))
    elif table == "quarantine":
        for batch_id, refused in sorted(found.quarantined.items()):
            yield from (f"{one_of('batch_id', [batch_id])} AND {one_of('raw', some)}" for some in _some(refused))


def _some(values: Iterable[C]) -> Iterator[Sequence[C]]:
    ordered = sorted(values)
    return (ordered[at : at + AT_ONCE] for at in range(0, len(ordered), AT_ONCE))


def text_without_ids(text: str, own: Callable[[str], bool]) -> str:
    """Return what a decision says without some ids of rows.

    >>> said = "every row is 'pro'; 1 of 3 rows differ, row 7 of version 2 from its inputs on"
    >>> text_without_ids(said, lambda row_id: row_id == "7")
    "every row is 'pro'; 1 of 3 rows differ, row (erased) of version 2 from its inputs on"
    """
    return IN_TEXT.sub(lambda match: "(erased)" if own(match["row_id"]) else match[0], text)


def without_ids(details: str, own: Callable[[str], bool]) -> str:
    """Return the details of an entry of the decision record without some ids of rows.

    Examples
    --------
    >>> details = '{"a": [{"row_id": "7"}, {"row_id": "8"}], "why": "3 differ, row 7 of version 1 from its score on"}'
    >>> print(without_ids(details, lambda row_id: row_id == "7"))
    {"a": [{"row_id": "(erased)"}, {"row_id": "8"}], "why": "3 differ, row (erased) of version 1 from its score on"}
    """

    def kept(content: Any, name: str = "") -> Any:
        if isinstance(content, dict):
            return {key: kept(value, key) for key, value in content.items()}
        if isinstance(content, list):
            return [kept(each) for each in content]
        if not isinstance(content, str):
            return content
        if name == "row_id":
            return "(erased)" if own(content) else content
        return text_without_ids(content, own)

    return json.dumps(kept(json.loads(details)), sort_keys=True, ensure_ascii=False)
