"""Text read block by block is the text of the whole file, wherever the blocks are cut."""

from __future__ import annotations

import io
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ingest.readers import text_encoding
from tasks.ingest.readers.text_encoding import Utf8
from tasks.ingest.readers.unreadable import BrokenError


def outcome(content: bytes, size: int) -> tuple[bytes, int] | str:
    with Utf8(io.BytesIO(content), "utf-8") as text:
        try:
            parts = [*iter(lambda: text.read(size), b"")]
        except BrokenError as error:
            return error.unreadable.detail
    assert all(len(part) == size for part in parts[:-1])
    return b"".join(parts), text.quotes


def expected(content: bytes) -> tuple[bytes, int] | str:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} is {content[error.start]:#04x}: {error.reason}"
    return content, content.count(b'"')


@settings(max_examples=150, deadline=None)
@given(
    content=st.lists(st.sampled_from([b"a", b'"', "é".encode(), "€".encode(), b"\xc3", b"\xff"]), max_size=12).map(
        b"".join
    ),
    block_bytes=st.integers(3, 6),
    size=st.integers(1, 7),
)
def test_blocks_of_plain_letters_are_read_as_all_others(content: bytes, block_bytes: int, size: int) -> None:
    with patch.object(text_encoding, "BLOCK_BYTES", block_bytes):
        found = outcome(content, size)
    assert found == expected(content)
