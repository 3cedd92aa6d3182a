"""Messages between a flow and the process that runs its project's own code: a JSON header, then the bytes of a frame.

Each begins with two lengths. The flow reads with a deadline and a largest size, because it does not trust the sender.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

LENGTHS = struct.Struct("!QQ")
PART_BYTES = 1 << 20


class EncodedFrame(NamedTuple):
    """A frame as `frame_codec` sends it: what its parts are, and an Arrow stream with their arrays."""

    layout: dict[str, Any]
    content: bytes | bytearray | memoryview


class ChildMessage(NamedTuple):
    """What is asked or answered, and the frame that it is about, if any."""

    header: dict[str, Any]
    frame: EncodedFrame | None = None


class TooLargeError(Exception):
    """A message is larger than its reader allows."""


def send_message(message: ChildMessage, send: Callable[[bytes | bytearray | memoryview], object]) -> None:
    """Send a message in two parts, because a frame may be too large to be copied."""
    layout, content = message.frame or (None, b"")
    header = json.dumps({**message.header, "layout": layout}).encode()
    send(LENGTHS.pack(len(header), len(content)) + header)
    send(content)


def read_message(receive: Callable[[int], bytes], most_bytes: int) -> ChildMessage:
    """Return the next message.

    Parameters
    ----------
    receive : callable
        From a largest number of bytes to the next ones; no bytes when the sender has ended.
    most_bytes : int
        Of the whole message.

    Raises
    ------
    EOFError
        The sender has ended.
    TooLargeError
        The message is larger than allowed.
    ValueError
        It is no message.

    Examples
    --------
    >>> from io import BytesIO
    >>> sent = BytesIO()
    >>> send_message(ChildMessage({"number": 1}), sent.write)
    >>> read_message(BytesIO(sent.getvalue()).read, 1000).header["number"]
    1
    """
    header_bytes, frame_bytes = LENGTHS.unpack(_exactly(receive, LENGTHS.size))
    if header_bytes + frame_bytes > most_bytes:
        raise TooLargeError(f"{(header_bytes + frame_bytes) / 2**20:,.0f} MB")
    header = json.loads(_exactly(receive, header_bytes))
    content = _exactly(receive, frame_bytes)
    if not isinstance(header, dict):
        raise TypeError("found no block; expected a header with keys")
    layout = header.pop("layout", None)
    return ChildMessage(header, None if layout is None else EncodedFrame(layout, content))


def _exactly(receive: Callable[[int], bytes], count: int) -> bytearray:
    """Return so many bytes; memory is used as they arrive, whatever length was announced."""
    read = bytearray()
    while len(read) < count:
        part = receive(min(count - len(read), PART_BYTES))
        if not part:
            raise EOFError("the other process has ended")
        read += part
    return read
