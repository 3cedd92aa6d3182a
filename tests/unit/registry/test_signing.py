from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tasks.errors import EvidenceError
from tasks.registry.manifest import seal, verify
from tasks.registry.signing import PACKAGES, VERSIONS, HomeKeys, Keys, load_keys, public_pem
from tasks.registry.statement import Statement

VARIABLE, FILE_VARIABLE = VERSIONS.private, f"{VERSIONS.private}_FILE"
ABOUT = {"project": "mine", "key": "mine/1"}
FILES = {"a.txt": b"alpha"}
OTHER_KIND = generate_private_key(SECP256R1())
OTHER_PEM = OTHER_KIND.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signed(keys: Keys) -> dict[str, bytes]:
    assert keys.private is not None
    return seal(FILES, ABOUT, keys.private, Statement("a run", datetime(2026, 1, 1, tzinfo=UTC)))


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    verify(signed(load_keys(tmp_path, {})), load_keys(tmp_path, {}).trusted, ABOUT)
    folder = tmp_path / "keys"
    assert sorted(path.name for path in folder.iterdir()) == ["signing.pem", "signing.pub.pem"]
    assert stat.S_IMODE((folder / "signing.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_keys(tmp_path, {}), range(8)))
    for keys in found:
        verify(signed(keys), found[0].trusted, ABOUT)
    assert len(list((tmp_path / "keys").iterdir())) == 2


def test_the_environment_comes_first_and_leaves_no_file(tmp_path: Path) -> None:
    elsewhere = load_keys(tmp_path / "elsewhere", {})
    pem = tmp_path / "elsewhere" / "keys" / "signing.pem"
    for environ in ({VARIABLE: pem.read_text()}, {FILE_VARIABLE: str(pem)}):
        verify(signed(load_keys(tmp_path / "here", environ)), elsewhere.trusted, ABOUT)
    assert not (tmp_path / "here").exists()


def test_a_reader_makes_no_key(tmp_path: Path) -> None:
    assert load_keys(tmp_path, {}, make=False) == Keys()
    assert not (tmp_path / "keys").exists()


def test_after_a_rotation_both_keys_are_believed(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    before = signed(load_keys(tmp_path, {}))
    (folder / "signing.pub.pem").rename(folder / "2026.pub.pem")
    (folder / "signing.pem").unlink()
    now = load_keys(tmp_path, {})
    verify(before, now.trusted, ABOUT)
    verify(signed(now), now.trusted, ABOUT)
    assert signed(now) != before


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    load_keys(tmp_path, {})
    (tmp_path / "keys" / "signing.pem").chmod(0o640)
    with pytest.raises(EvidenceError, match="chmod 600"):
        load_keys(tmp_path, {})


@pytest.mark.parametrize("text", ["s3cret", OTHER_PEM])
def test_what_is_no_key_is_refused_without_being_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="openssl genpkey") as refused:
        load_keys(tmp_path, {VARIABLE: text})
    assert VARIABLE in str(refused.value)
    assert text not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"nowhere\.pem cannot be read: No such file"):
        load_keys(tmp_path, {FILE_VARIABLE: str(tmp_path / "nowhere.pem")})


@pytest.mark.parametrize(
    "content", [b"nothing", OTHER_KIND.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)]
)
def test_a_public_key_of_another_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "old.pub.pem").write_bytes(content)
    with pytest.raises(EvidenceError, match=r"old\.pub\.pem (has|is)"):
        load_keys(tmp_path, {}, make=False)


def test_a_machine_with_public_keys_verifies_and_never_signs(tmp_path: Path) -> None:
    old, new = (load_keys(tmp_path / name, {}) for name in ("old", "new"))
    published = "".join((tmp_path / name / "keys" / "signing.pub.pem").read_text() for name in ("old", "new"))
    file = tmp_path / "both.pem"
    file.write_text(published)
    for environ in ({VERSIONS.public: published}, {f"{VERSIONS.public}_FILE": str(file)}):
        found = load_keys(tmp_path / "night", environ)
        assert found.private is None
        for signer in (old, new):
            verify(signed(signer), found.trusted, ABOUT)
    assert not (tmp_path / "night").exists()


@pytest.mark.parametrize("text", ["nothing", OTHER_PEM])
def test_a_public_key_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="LEEWAY_VERIFYING_KEY has no readable public key"):
        load_keys(tmp_path, {VERSIONS.public: text})


def test_what_signs_packages_cannot_sign_a_version(tmp_path: Path) -> None:
    versions, packages = load_keys(tmp_path, {}), load_keys(tmp_path, {}, pair=PACKAGES)
    assert sorted(path.name for path in (tmp_path / "keys" / "packages").iterdir()) == [
        "signing.pem",
        "signing.pub.pem",
    ]
    with pytest.raises(EvidenceError, match="another machine"):
        verify(signed(packages), load_keys(tmp_path, {}).trusted, ABOUT)
    assert [key for key in packages.trusted if key in versions.trusted] == []


def pems(keys: Keys | HomeKeys) -> set[bytes]:
    return {public_pem(key) for key in keys.trusted}


def test_the_keys_of_a_home_are_followed_and_none_is_made_or_read(tmp_path: Path) -> None:
    followed = HomeKeys(tmp_path, {})
    assert (followed.trusted, followed.private, list(tmp_path.iterdir())) == ((), None, [])
    made = load_keys(tmp_path, {})
    (tmp_path / "keys" / "signing.pem").write_bytes(b"not read")
    assert pems(followed) == pems(made)
    verify(signed(made), followed.trusted, ABOUT)
    assert followed.trusted is followed.trusted
    elsewhere = load_keys(tmp_path / "elsewhere", {})
    environ = {VARIABLE: (tmp_path / "elsewhere" / "keys" / "signing.pem").read_text()}
    assert pems(HomeKeys(tmp_path, environ)) == pems(elsewhere) | pems(made)
