from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import EvidenceError
from tasks.registry.manifest import MANIFEST, SIGNATURE, manifest_bytes, seal, verify, verify_manifest
from tasks.registry.statement import Basis, Signed, Statement

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED = [KEY.public_key()]
ABOUT = {"project": "mine", "key": "mine/1"}
FILES = {"a.txt": b"alpha", "b.txt": b""}
STATEMENT = Statement("run-1", datetime(2026, 11, 20, 12, tzinfo=UTC), Basis(2, "aa", "bb", "a-lake"))

FROZEN_1 = {
    "a.txt": b"alpha",
    "b.txt": b"",
    MANIFEST: (
        b'{"about":{"key":"mine/1","project":"mine"},"files":{'
        b'"a.txt":{"bytes":5,"sha256":"8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8"},'
        b'"b.txt":{"bytes":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},'
        b'"protocol":1}\n'
    ),
    SIGNATURE: b"OHNXiL0t+s9Tx0oXdLv3qcyKYBSrNz0XFulcwbj3/Hb8RWl2Xz7TotH9jXEAJ+tnvQGkfdT/Aik23tlnd5ywCA==\n",
}

FROZEN_2 = {
    "a.txt": b"alpha",
    "b.txt": b"",
    MANIFEST: (
        b'{"about":{"key":"mine/1","project":"mine"},"files":{'
        b'"a.txt":{"bytes":5,"sha256":"8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8"},'
        b'"b.txt":{"bytes":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},'
        b'"protocol":2,"statement":{"champion":2,"champion_digest":"aa","lake":"a-lake","run_id":"run-1","signed_at":"2026-11-20T12:00:00.000000+00:00","spec_sha256":"bb"}}\n'
    ),
    SIGNATURE: b"vGywSbyIhY19TUdRsIcAikUhs33M6WZwb0GkLg2Sijwd7TqdCynLWUAtjTeOKrXdYZoL0o7qQuAGKDilHaUbDw==\n",
}


def test_files_sealed_by_protocol_1_are_still_believed_and_state_nothing() -> None:
    signed = verify(FROZEN_1, TRUSTED, ABOUT)
    assert signed == Signed(hashlib.sha256(FROZEN_1[MANIFEST]).hexdigest(), None)


def test_files_sealed_by_protocol_2_are_believed_with_their_statement() -> None:
    expected = Signed(hashlib.sha256(FROZEN_2[MANIFEST]).hexdigest(), STATEMENT)
    assert verify(FROZEN_2, TRUSTED, ABOUT) == verify_manifest(FROZEN_2, TRUSTED, ABOUT) == expected


def test_the_same_files_give_the_same_seal_in_any_order() -> None:
    assert (
        seal(FILES, ABOUT, KEY, STATEMENT)
        == seal(dict(reversed(FILES.items())), dict(reversed(ABOUT.items())), KEY, STATEMENT)
        == FROZEN_2
    )


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9._-]{0,9}", fullmatch=True), st.binary(max_size=64), min_size=1))
def test_whatever_is_sealed_is_believed(files: dict[str, bytes]) -> None:
    verify(seal(files, ABOUT, KEY, STATEMENT), TRUSTED, ABOUT)


@settings(deadline=None)
@given(st.data())
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    sealed = seal({"a.txt": b"alpha", "b.txt": b"beta"}, ABOUT, KEY, STATEMENT)
    name = data.draw(st.sampled_from(sorted(sealed)))
    place = data.draw(st.integers(0, len(sealed[name].strip()) - 1))
    content = bytearray(sealed[name])
    content[place] ^= 1
    with pytest.raises(EvidenceError):
        verify({**sealed, name: bytes(content)}, TRUSTED, ABOUT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a.txt": b"omega"}, "a.txt has changed"),
        ({"c.txt": b""}, "c.txt is extra"),
        ({"a.txt": None}, "a.txt is missing"),
        ({MANIFEST: None}, "manifest.json is missing"),
        ({SIGNATURE: None}, "manifest.sig is missing"),
        ({SIGNATURE: b"not base64!"}, "signed by none of the 1 trusted keys"),
        ({SIGNATURE: b"c2hvcnQ="}, "signed by none of the 1 trusted keys"),
    ],
)
def test_a_change_is_named(change: dict[str, bytes | None], said: str) -> None:
    changed = {**seal(FILES, ABOUT, KEY, STATEMENT), **change}
    with pytest.raises(EvidenceError, match=said):
        verify({name: content for name, content in changed.items() if content is not None}, TRUSTED, ABOUT)


def test_files_signed_for_one_version_are_not_another() -> None:
    with pytest.raises(EvidenceError, match="belong to another version"):
        verify(seal(FILES, ABOUT, KEY, STATEMENT), TRUSTED, {**ABOUT, "key": "mine/2"})


def test_a_stranger_is_not_believed_and_a_former_key_still_is() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(EvidenceError, match=r"signing\.pub\.pem"):
        verify(seal(FILES, ABOUT, stranger, STATEMENT), TRUSTED, ABOUT)
    verify(seal(FILES, ABOUT, stranger, STATEMENT), [*TRUSTED, stranger.public_key()], ABOUT)


def test_a_newer_protocol_asks_for_an_upgrade() -> None:
    newer = json.dumps({"protocol": 3}).encode()
    sealed = {"a.txt": b"", MANIFEST: newer, SIGNATURE: base64.b64encode(KEY.sign(newer))}
    with pytest.raises(EvidenceError, match="protocol 3; this version of Leeway reads 2"):
        verify(sealed, TRUSTED, ABOUT)


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "/root", "a/b", "a\\b", ".hidden", "a\n", "ü", "a" * 129])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(EvidenceError, match="flat name"):
        manifest_bytes({name: b""}, ABOUT, STATEMENT)


@pytest.mark.parametrize("files", [{}, {MANIFEST: b""}, {"a.txt": b"", SIGNATURE: b""}])
def test_nothing_and_our_own_names_are_not_sealed(files: dict[str, bytes]) -> None:
    with pytest.raises(EvidenceError, match="to seal"):
        seal(files, ABOUT, KEY, STATEMENT)
