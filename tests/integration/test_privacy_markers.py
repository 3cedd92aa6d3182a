"""What `privacy` hides is nowhere: values are planted in deliveries, and then every file of the home is searched."""

from __future__ import annotations

import hmac
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from flows.nightly import nightly
from tasks.errors import SpecError
from tasks.ingest import FolderSource, Unreadable, fetched, secret
from tasks.ingest.privacy import separated
from tasks.ingest.task import pseudonym_key, take_in
from tasks.lake import Lake
from tasks.records import Delivery, Landed
from tasks.spec.private_home import private_home
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.deliveries import delivered
from tests.said_by_files import contents, files_with
from tests.servers import Server

MARKERS = (
    "Zaphod-of-the-header",
    "Trillian-renamed",
    "Marvin-extra",
    "Slartibartfast-id",
    "Ford-repeated",
    "Eddie-nul",
)
NIGHT = date(2026, 1, 9)
KEY = "0123456789abcdef0123456789abcdef"
SPEC: dict[str, Any] = {
    "project": "clinic",
    "scope": {"owner": "me", "objective": "Days.", "metric": "mean_absolute_error"},
    "source": {
        "uri": "landing",
        "id": ["patient"],
        "event_time": "admitted",
        "arrival": "filename",
        "label": {"column": "days"},
    },
    "features": {"numbers": ["age"]},
    "privacy": {"drop": ["name"], "pseudonymise": ["patient"]},
}  # fmt: skip


def land(folder: Path) -> None:
    """Write deliveries that name their columns well, badly, and not at all."""
    header, landing = "patient,admitted,age,days,name\n", folder / "landing"
    landing.mkdir(parents=True)
    (folder / "project.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    (folder / "expectations.json").write_text('{"name": "clinic", "expectations": [], "meta": {}}', encoding="utf-8")
    deliveries = {
        "1 without a header": f"1,2026-01-02,40,3,{MARKERS[0]}\n2,2026-01-02,50,4,Ann\n",
        "2 renamed": "patient,admitted,years,days,full_name\n" + f"3,2026-01-02,40,3,{MARKERS[1]}\n",
        "3 an extra column": header.replace("\n", ",note\n") + "".join(
            f"{100 + n},2026-01-02,{'old' if n == 0 else 40},3,Ann,{MARKERS[2]}\n" for n in range(20)
        ),
        "4 an id": header + f"{MARKERS[3]},2026-01-02,old,3,Ann\n" + f"{MARKERS[3]}x,2026-01-02,41,3,Ann\n",
        "5 a repeated name": f"{MARKERS[4]},{MARKERS[4]}\n1,2\n",
    }  # fmt: skip
    for name, text in deliveries.items():
        (landing / f"2026-01-05 {name}.csv").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def home(servers: Path) -> Path:
    land(servers / "projects" / "clinic")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LEEWAY_PRIVACY_KEY", KEY)
        os.umask(0)  # whatever the shell of the user says
        nightly("clinic", NIGHT)
    return servers


@pytest.mark.parametrize("marker", MARKERS[:5])
def test_a_value_of_a_hidden_column_is_in_no_file_of_the_home(marker: str, home: Path, prefect_server: Server) -> None:
    assert files_with([home / "home", home / "prefect", Path(prefect_server.home)], marker) == []


def test_the_search_finds_what_is_stored(home: Path) -> None:
    assert any(b"2026-01-05 2 renamed.csv" in said for said in contents(home / "home").values())


def test_no_other_user_can_read_a_file_or_folder_of_the_home(home: Path) -> None:
    paths = [home / "home", *(home / "home").rglob("*")]
    open_to_others = [str(path) for path in paths if path.stat().st_mode & 0o077]
    assert len(paths) > 20
    assert open_to_others == []


def test_a_home_that_others_can_read_is_reported_with_the_command_that_closes_it(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o750)
    said: list[str] = []
    private_home(tmp_path / "home", said.append)
    assert said == [
        f"other users can read {tmp_path}/home (mode 0750); expected 0700: `chmod -R go= {tmp_path}/home`",
    ]
    private_home(tmp_path / "new", said.append)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert len(said) == 1


def test_unknown_columns_are_counted_where_they_are_not_named(home: Path) -> None:
    said = b"".join(contents(home / "home").values()).decode(errors="ignore")
    assert "it has [] and 5 columns that the spec does not name" in said
    assert "2 columns (not named here, because `privacy` is set), which the spec does not name" in said


def test_a_nul_in_parquet_does_not_name_its_column(home: Path) -> None:
    path = home / "projects" / "clinic" / "nul.parquet"
    pq.write_table(pa.table({MARKERS[5]: ["a\0b"], "patient": ["1"]}), path)
    spec = ProjectSpec.model_validate(SPEC | {"source": SPEC["source"] | {"format": "parquet"}})
    found = delivered(path.read_bytes(), Landed("rows", "a", 1, NIGHT), spec, b"0" * 16)
    assert found == Unreadable("nul_byte", "where is not shown, because it may be a value; `privacy` is set")


def pseudonyms(lake: Lake, folder: Path) -> list[str]:
    """Return the pseudonym of patient 7 in a delivery that is read and not stored."""
    return [str(row) for each in taken(lake, folder, "7") for row in each.frame["patient"]]


def taken(lake: Lake, folder: Path, patient: str) -> list[Delivery]:
    (folder / "landing").mkdir(exist_ok=True)
    text = f"patient,admitted,age,days\n{patient},2026-01-02,40,3\n"
    (folder / "landing" / "2026-01-05.csv").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LEEWAY_PRIVACY_KEY", KEY)
        found = take_in(lake, ProjectSpec.model_validate(SPEC), folder, NIGHT)
    return [each for each in found if isinstance(each, Delivery)]


def test_a_new_project_has_a_key_for_each_column_and_one_of_before_keeps_its_pseudonyms(tmp_path: Path) -> None:
    of_one_key = hmac.digest(KEY.encode(), b"7", "sha256")[:16].hex()
    new, old = Lake(str(tmp_path / "new")), Lake(str(tmp_path / "old"))
    (tmp_path / "expectations.json").write_text('{"name": "a", "expectations": [], "meta": {}}', encoding="utf-8")
    spec = ProjectSpec.model_validate(SPEC)
    store(old, spec, verdicts(taken(old, tmp_path, "1"), spec, tmp_path), NIGHT, datetime(2026, 1, 9, tzinfo=UTC))
    (tmp_path / "old" / "clinic" / "objects" / "pseudonyms").unlink()  # an earlier version writes none
    assert pseudonyms(old, tmp_path) == [of_one_key]
    assert pseudonyms(new, tmp_path) != [of_one_key]
    assert pseudonyms(new, tmp_path) == pseudonyms(Lake(str(tmp_path / "other")), tmp_path)
    key = separated(KEY.encode(), "clinic")
    assert len({key("patient"), key("doctor"), separated(KEY.encode(), "ward")("patient")}) == 3


def test_a_renamed_project_keeps_the_pseudonyms_of_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY_PRIVACY_KEY", KEY)

    def of_patient(name: str, *formerly: str) -> bytes:
        spec = ProjectSpec.model_validate(SPEC | {"project": name, "formerly": list(formerly)})
        key = pseudonym_key(Lake(str(tmp_path / name)), spec, is_new=True)
        assert not isinstance(key, bytes)
        return key("patient")

    first = of_patient("clinic")
    assert of_patient("hospital", "clinic") == of_patient("ward", "clinic", "hospital") == first
    assert of_patient("hospital") != first


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SpecError, match=r"LEEWAY_PRIVACY_KEY has 6 bytes; expected at least 16 random ones"):
        secret(ProjectSpec.model_validate(SPEC).privacy, {"LEEWAY_PRIVACY_KEY": "secret"})


def test_a_large_delivery_is_encrypted_before_it_is_private(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "a.csv").write_text(f"patient,name\n1,{MARKERS[0]}\n", encoding="utf-8")
    source = FolderSource(landing)
    _, (content,) = fetched(source, source.list(), tmp_path / "raw")
    assert not any(MARKERS[0].encode() in path.read_bytes() for path in (tmp_path / "raw").iterdir())
    with content.open_raw() as file:
        assert MARKERS[0].encode() in file.read()
