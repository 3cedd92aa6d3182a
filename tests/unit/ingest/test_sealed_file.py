"""An encrypted file is read back as it was written, at any place."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.ingest.readers.sealed_file import SealedFile


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.binary(max_size=70), max_size=5), places=st.lists(st.integers(0, 300), max_size=5))
def test_what_is_written_is_read_back_from_any_place(parts: list[bytes], places: list[int], tmp_path: Path) -> None:
    content = b"".join(parts)
    with SealedFile(tmp_path / "file") as file:
        for part in parts:
            file.write(part)
        assert file.tell() == len(content)
    with file.opened() as sealed, io.BytesIO(content) as clear:
        for place in places:
            assert sealed.seek(place) == clear.seek(place)
            assert sealed.read(40) == clear.read(40)
        assert sealed.seek(0, io.SEEK_END) == len(content)


def test_a_second_attempt_is_encrypted_with_other_numbers(tmp_path: Path) -> None:
    with SealedFile(tmp_path / "file") as file:
        file.write(b"Ann has a secret")
        first = (tmp_path / "file").read_bytes()
        file.seek(0)
        file.truncate()
        file.write(b"Ann has a secret")
    assert len({first, (tmp_path / "file").read_bytes(), b"Ann has a secret"}) == 3
    with file.opened() as sealed:
        assert sealed.read() == b"Ann has a secret"


def test_only_its_owner_may_read_it_and_a_copy_of_it_says_nothing(tmp_path: Path) -> None:
    with SealedFile(tmp_path / "file") as file:
        file.write(b"Ann" * 1000)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    shutil.copy(tmp_path / "file", tmp_path / "copy")
    assert b"Ann" not in (tmp_path / "copy").read_bytes()
