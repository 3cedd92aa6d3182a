"""The lines of the prediction log: a row as it was asked for, and how it was answered, as a line of JSON.

The columns of the row have their own names, so that a file of the log is a delivery of JSON lines; the answer is under
`ANSWER`, which is taken off before the row is read. A row that was asked for several times has a line for each time, so
that each answer can be proven; a night takes in the last. PROTOCOL is the number of the format of the answer; see
`tasks.serving_store.servable_package` for how to change it. Protocol 1 has no `contract`, 2 no `tables`, 3 no `arm`, 4
no `serial` and `rounding`, 5 no `user`.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.errors import EvidenceError

PROTOCOL = 6
READABLE = (1, 2, 3, 4, 5, 6)
LOG_FOLDER = "prediction_log"
"""The folder of the log in the serving folder; no project can have this name."""
UNREADABLE_FOLDER = "prediction_log_unreadable"
"""The folder for files of the log that cannot be read, until a person mends or removes them."""
SERVED = "@served"
"""What deliveries of the log have as their table: see `tasks.records.Landed`."""
ANSWER = "@answer"


MOST_ROUNDING = 1e-6
"""As a share; no bundle rounds its numbers more."""
STATE = r"\A((-|\d{1,15})\.(-|\d{1,15}))?\Z"
"""What a state of the feature tables may be: a night opens the lake by it."""
Arm = Literal["candidate", "champion", "none", "unknown"]
"""The version that chance has drawn for a request while a rollout runs, whichever one has answered it: the champion
answers for a candidate that fails, or that has no changed answers left. `none` was drawn where no candidate could have
answered; what was drawn is `unknown` before protocol 4."""


class Draw(NamedTuple):
    """What chance has drawn for a request in a rollout, and for which users.

    Attributes
    ----------
    arm : Arm
        The version.
    users : tuple of str
        For each row the place of its entity, by which it was drawn, as 16 hexadecimal digits: an entity has one place
        in a rollout, however a client writes its name. Empty for a row without an entity: its request is the user.
        There are none where nothing was drawn.
    """

    arm: Arm = "none"
    users: tuple[str, ...] = ()


class LoggedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How a row was answered.

    Attributes
    ----------
    protocol : int
        The number of the format.
    row_id, request : str
        The id of the row, and that of its request.
    time : str
        When it was answered, in UTC.
    version, digest : int, str
        The version that answered, and the digest of its signed manifest.
    contract : str
        The digest of the contract that the row was read by; empty in protocol 1.
    inputs : str
        A digest of what the model received: see `inputs_digest`.
    bits : str
        The score, the prediction and the confidence: see `bits_of`.
    unsure : bool
        Whether the deferral rule of the model leaves the row to a person.
    latency_ms : float
        The time from the arrival of the request.
    tables : str
        The state of the feature tables that the row was joined with, see
        `tasks.serving_store.table_snapshots.table_snapshot.state_of`; empty without tables.
    worker, number : int
        The worker, and how many rows it had put into the log of this project: a number that is missing was lost.
    arm : Arm
        What was drawn for the request in a rollout.
    serial : int
        Of the bundle that answered; 0 of the service, and before protocol 5.
    rounding : float
        How far the numbers of a bundle may be from those of the batch, as a share; 0 where they have the same bits.
    user : str
        The place of the row's entity in the draw, see `Draw`; empty without one, and before protocol 6.
    """

    protocol: int
    row_id: str
    request: str
    time: str
    version: int
    digest: str
    inputs: str
    bits: str
    unsure: bool
    latency_ms: float
    worker: int
    number: int
    contract: str = ""
    tables: Annotated[str, msgspec.Meta(pattern=STATE)] = ""
    arm: Arm = "unknown"
    serial: int = 0
    rounding: Annotated[float, msgspec.Meta(ge=0, le=MOST_ROUNDING)] = 0.0
    user: str = ""


def is_served(kind: str, name: str) -> bool:
    """Return whether a delivery has rows that the prediction service has answered, by its kind and its name.

    >>> is_served("rows", "@served/2026-01-02-0-ab.jsonl"), is_served("rows", "2026-01-02.csv")
    (True, False)
    """
    return kind == "rows" and name.startswith(f"{SERVED}/")


def bits_of(score: float, prediction: float, confidence: float) -> str:
    """Return three numbers as hexadecimal digits that keep every bit.

    >>> numbers_of(bits_of(0.1, -0.0, float("inf")))
    (0.1, -0.0, inf)
    """
    return struct.pack("<3d", score, prediction, confidence).hex()


def numbers_of(bits: str) -> tuple[float, float, float]:
    """Return the score, the prediction and the confidence of their bits."""
    score, prediction, confidence = struct.unpack("<3d", bytes.fromhex(bits))
    return score, prediction, confidence


def inputs_digest(inputs: FloatArray) -> str:
    """Return a digest of what a model receives for a row, in which all missing numbers are the same.

    >>> inputs_digest(np.array([1.0, -np.nan])) == inputs_digest(np.array([1.0, np.nan]))
    True
    >>> inputs_digest(np.array([0.0])) == inputs_digest(np.array([-0.0]))
    False
    """
    known = np.where(np.isnan(inputs), np.nan, inputs).astype("<f8")
    return hashlib.blake2b(known.tobytes(), digest_size=8).hexdigest()


def same_bits(one: float, other: float) -> bool:
    """Return whether two numbers are the same; all numbers that are not numbers are.

    >>> same_bits(0.0, -0.0), same_bits(float("nan"), float("nan"))
    (False, True)
    """
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return struct.pack("<d", one) == struct.pack("<d", other)


def same_numbers(one: float, other: float, rounding: float) -> bool:
    """Return whether a number is that of the batch, the second one, to a share of it.

    >>> same_numbers(100.00000001, 100.0, 1e-9), same_numbers(100.00000001, 100.0, 0.0)
    (True, False)
    """
    return same_bits(one, other) or abs(one - other) <= rounding * max(1.0, abs(other)) > 0


def whole_lines(content: bytes) -> list[bytes]:
    r"""Return the lines of a file; what a killed writer left of its last line is no line.

    >>> whole_lines(b'{"a":1}\n{"a":')
    [b'{"a":1}']
    """
    return content.split(b"\n")[:-1]


def whole_answered_lines(content: bytes) -> bytes:
    """Return a file of the log without what a killed writer left of its last line.

    Raises
    ------
    EvidenceError
        When a line has no answer.
    """
    return b"".join(line + b"\n" for line, _ in _answered(content))


def without_repeats(content: bytes) -> bytes:
    r"""Return a file of the log in which an id occurs once: of a row that was asked for several times, the last.

    It is what a night takes in.

    Raises
    ------
    EvidenceError
        When a line has no answer.
    """
    newest = {answer.row_id: line for line, answer in _answered(content)}
    return b"".join(line + b"\n" for line in newest.values())


def without_lines(content: bytes, own: Callable[[Sequence[Mapping[str, Any]], Sequence[str]], BoolArray]) -> bytes:
    r"""Return a file of the log without some rows, given by the columns and the ids of all.

    Examples
    --------
    >>> answer = LoggedAnswer(protocol=1, row_id="7", request="", time="", version=1, digest="", inputs="", bits="",
    ...     unsure=False, latency_ms=1.0, worker=0, number=1)
    >>> without_lines(log_line(row_text({"age": 40}), answer), lambda rows, row_ids: np.array(row_ids) == "7")
    b''
    """
    answered = [(line, answer.row_id) for line, answer in _answered(content)]
    gone = own([msgspec.json.decode(line) for line, _ in answered], [row_id for _, row_id in answered])
    return b"".join(line + b"\n" for (line, _), is_own in zip(answered, gone, strict=True) if not is_own)


def logged_answers(content: bytes) -> list[LoggedAnswer]:
    """Return the answers of a file of the log, in order.

    Raises
    ------
    EvidenceError
        When a line has no answer, or one of another protocol.
    """
    return [answer for _, answer in _answered(content)]


class _Line(msgspec.Struct):
    answer: LoggedAnswer = msgspec.field(name=ANSWER)


_decode, _encode = msgspec.json.Decoder(_Line).decode, msgspec.json.Encoder().encode


def _answered(content: bytes) -> Iterator[tuple[bytes, LoggedAnswer]]:
    for number, line in enumerate(whole_lines(content), start=1):
        try:
            answer = _decode(line).answer
        except (msgspec.MsgspecError, ValueError) as error:
            raise EvidenceError(
                f"line {number} of the prediction log has no answer ({error}); expected a file that a worker wrote."
            ) from error
        if answer.protocol not in READABLE:
            raise EvidenceError(
                f"line {number} of the prediction log has protocol {answer.protocol}; this Leeway reads {READABLE}. "
                "Install the one that wrote it."
            )
        yield line, answer


def row_text(columns: Mapping[str, Any]) -> bytes:
    """Return the columns of a row as JSON.

    >>> row_text({"age": 40})
    b'{"age":40}'
    """
    return _encode(columns)


def log_line(row: bytes, answer: LoggedAnswer) -> bytes:
    """Return a row, see `row_text`, and its answer as a line."""
    return b'%b%b"%b":%b}\n' % (row[:-1], b"," if len(row) > len(b"{}") else b"", ANSWER.encode(), _encode(answer))


def slot_of(name: str) -> int | None:
    """Return the worker that wrote a file of the log, by its name; None for other files.

    >>> slot_of("2026-02-11-20260211T040506.000700Z-12-ab34.jsonl"), slot_of("2026-02-11-3-ab34.jsonl"), slot_of("x-1")
    (12, 3, None)
    """
    parts = name.rsplit("-", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isascii() and parts[1].isdigit() else None  # noqa: PLR2004 - (start, slot, rest)
