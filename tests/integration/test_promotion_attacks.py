"""Attempts to get a version promoted, or a model served, by writing to MLflow without the signing key.

The attacker has every right in MLflow (versions, tags, aliases, files of runs), and neither the key nor the lake.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks import clock
from tasks.errors import EvidenceError, Terminal
from tasks.lake import append_entry, read_entries
from tasks.records import PromotionEntry
from tasks.registry import Basis, Draft, Registry
from tasks.registry.mlflow_names import BARRED, CHAMPION, COMPARED_WITH, KEY, PROMOTED, REFUSED, RESTORED
from tasks.spec import evidence_digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings(  # of mlflow's own imports
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:starlette.middleware.wsgi"
)
NIGHT = date(2026, 11, 20)
WON = json.loads((Path(__file__).parents[1] / "unit/evaluate/frozen/evidence_2.json").read_text(encoding="utf-8"))
EVIDENCE = {"evidence.json": json.dumps({**WON, "passed": True, "verdict": "clear_win"}).encode()}
SPEC = """
project: {name}
scope: {{owner: me, objective: A test., metric: mean_absolute_error}}
source: {{uri: landing, id: [id], event_time: at, label: {{column: price}}}}
features: {{numbers: [size]}}
automation: {{promote: {promote}}}
"""


@dataclass(frozen=True)
class Target:
    """A project under attack, and the attacker's client of its MLflow."""

    workspace: Workspace
    client: MlflowClient

    @property
    def project(self) -> str:
        return self.workspace.project

    @property
    def registry(self) -> Registry:
        return self.workspace.registry

    def train(self, key: str, **changes: Any) -> int:
        """Register a version that beat the champion, as a retraining does."""
        self.registry.ensure(self.project, "A test's own project.")
        champions = self.workspace.champion_record().champions()
        number, digest = (champions[0].number, champions[0].digest) if champions else (None, "")
        basis = Basis(number, digest, evidence_digest(self.workspace.spec), self.workspace.lake.identity(self.project))
        return self.registry.add_version(
            self.project, Draft(key, EVIDENCE, "May it?", basis=replace(basis, **changes))
        ).number

    def promoted(self, key: str) -> int:
        """Register a version, and promote it."""
        number = self.train(key)
        self.approve(number)
        assert self.promote()["action"] == "promoted"
        return number

    def approve(self, number: int) -> None:
        self.tag(number, "approval", "approved")

    def tag(self, number: int, name: str, value: str) -> None:
        self.client.set_model_version_tag(self.project, str(number), name, value)

    def untag(self, number: int, name: str) -> None:
        self.client.delete_model_version_tag(self.project, str(number), name)

    def replay(self, number: int, **tags: str) -> int:
        """Register a version's run again, with its tags."""
        version = self.client.get_model_version(self.project, str(number))
        kept = {name: value for name, value in version.tags.items() if name in {KEY, COMPARED_WITH}}
        made = self.client.create_model_version(
            self.project, version.source, version.run_id, tags={**kept, **tags}, await_creation_for=0
        )
        return int(made.version)

    def promote(self) -> dict[str, Any]:
        from flows.promote import promote

        result: dict[str, Any] = promote(self.project, NIGHT)
        return result

    def roll_back(self, reason: str = "worse") -> None:
        from flows.promote import roll_back_now

        roll_back_now(self.workspace, reason, NIGHT)

    def refusal(self, number: int) -> str:
        return str(self.client.get_model_version(self.project, str(number)).tags.get(REFUSED, ""))

    @property
    def alias(self) -> int | None:
        return self.registry.aliases(self.project).get(CHAMPION)

    @property
    def champion(self) -> int | None:
        """The champion that a night would load."""
        champions = self.workspace.champion_record().champions()
        return champions[0].number if champions else None


@pytest.fixture
def target(servers: Path, request: pytest.FixtureRequest) -> Callable[..., Target]:
    from mlflow import MlflowClient

    from flows.workspace import open_workspace

    def made(promote: str = "approval") -> Target:
        name = f"attack-{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
        folder = servers / "projects" / name
        folder.mkdir(parents=True)
        (folder / "project.yaml").write_text(SPEC.format(name=name, promote=promote), encoding="utf-8")
        workspace = open_workspace(name, signs=True)
        return Target(workspace, MlflowClient(workspace.registry.url, workspace.registry.url))

    return made


# --- replay without the key -------------------------------------------------------------------------------------------


def test_a_night_cannot_sign_a_version(target: Callable[..., Target]) -> None:
    from flows.workspace import open_workspace

    attacked = target()
    attacked.registry.ensure(attacked.project, "A test's own project.")
    with pytest.raises(EvidenceError, match="there is no key to sign the version with"):
        open_workspace(attacked.project).registry.add_version(attacked.project, Draft("night", EVIDENCE, "May it?"))


def test_a_rejected_version_registered_again_from_its_run_is_refused(target: Callable[..., Target]) -> None:
    it = target()
    it.promoted("one")
    rejected = it.train("two")
    it.tag(rejected, "approval", "rejected")
    it.promote()
    again = it.replay(rejected)
    it.approve(again)
    assert it.promote()["action"] == "refused"
    assert "it cannot be promoted (rejected in MLflow); retrain for a new version" in it.refusal(again)
    assert it.alias == it.champion == 1


def test_a_version_rolled_back_from_and_registered_again_is_refused(target: Callable[..., Target]) -> None:
    it = target()
    it.promoted("one")
    worse = it.promoted("two")
    it.roll_back()
    again = it.replay(worse, **{COMPARED_WITH: "1"})
    it.approve(again)
    assert it.promote()["action"] == "refused"
    assert "it cannot be promoted (rolled back to version 1: worse)" in it.refusal(again)
    assert it.alias == it.champion == 1


def test_a_version_rolled_back_from_does_not_return_without_a_person(target: Callable[..., Target]) -> None:
    it = target("automatic")
    it.train("one")
    it.promote()
    worse = it.train("two")
    assert it.promote()["action"] == "promoted"
    it.roll_back()
    it.untag(worse, BARRED)
    it.untag(worse, PROMOTED)
    it.replay(worse, **{COMPARED_WITH: "1"})
    for _ in range(3):
        it.promote()
        assert it.alias == it.champion == 1


def test_a_waiting_version_registered_twice_is_refused_the_second_time(target: Callable[..., Target]) -> None:
    it = target()
    it.promoted("one")
    waiting = it.train("two")
    again = it.replay(waiting)
    it.approve(again)
    assert it.promote()["action"] == "refused"
    assert f"it has the same content as version {waiting}, and a content is registered only once" in it.refusal(again)


def test_a_version_with_a_deleted_first_registration_is_still_the_same_content(
    target: Callable[..., Target],
) -> None:
    it = target()
    first = it.promoted("one")
    it.promoted("two")
    again = it.replay(first, **{COMPARED_WITH: "2"})
    it.client.delete_model_version(it.project, str(first))
    it.approve(again)
    assert it.promote()["action"] == "refused"
    assert f"it has the same content as version {first}" in it.refusal(again)


def test_an_edited_comparison_does_not_turn_a_refusal_into_a_promotion(target: Callable[..., Target]) -> None:
    it = target()
    it.promoted("one")
    stale = it.train("two")
    it.promoted("three")
    again = it.train("four", champion=1, champion_digest=it.workspace.champion_record().digest(1))
    it.tag(again, COMPARED_WITH, "3")
    it.untag(stale, BARRED)
    it.tag(stale, COMPARED_WITH, "3")
    for number in (stale, again):
        it.approve(number)
    assert it.promote()["action"] == "refused, refused"
    assert "it was compared with champion 1, but the champion is 3" in it.refusal(again)
    assert it.alias == it.champion == 3


def test_stale_evidence_does_not_become_fresh_by_registering_it_again(
    target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    it, long_ago = target(), clock.now() - timedelta(days=31)
    with monkeypatch.context() as earlier:
        earlier.setattr("tasks.clock.now", lambda: long_ago)
        stale = it.train("one")
    again = it.replay(stale)
    it.client.delete_model_version(it.project, str(stale))
    it.approve(again)
    assert it.promote()["action"] == "refused"
    assert "is older than gate.evidence_days, 30" in it.refusal(again)


def test_a_version_trained_on_another_lake_is_refused(target: Callable[..., Target]) -> None:
    it = target()
    foreign = it.train("one", lake="another lake")
    it.approve(foreign)
    assert it.promote()["action"] == "refused"
    assert "it was trained on the data of another lake" in it.refusal(foreign)
    assert it.champion is None


def test_a_version_tested_by_another_gate_is_refused(target: Callable[..., Target]) -> None:
    it = target()
    lenient = it.train("one", spec_sha256="of a spec with a lower gate")
    it.approve(lenient)
    assert it.promote()["action"] == "refused"
    assert "has changed since it was trained; retrain" in it.refusal(lenient)


def test_the_files_of_one_run_do_not_pass_as_those_of_another(target: Callable[..., Target], tmp_path: Path) -> None:
    """A signed set of files, with the key's tag, is copied into the run of a version that a person approved."""
    it = target()
    it.promoted("one")
    source, approved = it.train("two"), it.train("three")
    it.tag(source, "approval", "rejected")
    it.promote()
    runs = {number: it.client.get_model_version(it.project, str(number)).run_id for number in (source, approved)}
    it.client.download_artifacts(runs[source], "model", str(tmp_path))
    it.client.log_artifacts(runs[approved], str(tmp_path / "model"), "model")
    it.tag(approved, KEY, "two")
    it.approve(approved)
    assert it.promote()["action"] == "refused"
    assert "was signed for run" in it.refusal(approved)
    assert it.alias == it.champion == 1


# --- tags that claim a promotion -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", [PROMOTED, RESTORED])
def test_a_tag_that_claims_a_promotion_is_not_believed(target: Callable[..., Target], tag: str) -> None:
    it = target()
    it.promoted("one")
    refused = it.train("two")
    it.tag(refused, tag, clock.now().isoformat())
    it.client.set_registered_model_alias(it.project, CHAMPION, str(refused))
    assert it.champion == 1
    assert (
        it.promote()["reason"] == f"the alias champion was moved by hand to version {refused}; it is back at version 1"
    )
    assert it.alias == 1


def test_a_copy_of_the_champion_is_no_champion(target: Callable[..., Target]) -> None:
    it = target()
    it.promoted("one")
    it.promoted("two")
    copied = it.client.copy_model_version(f"models:/{it.project}/1", it.project)
    assert {PROMOTED, "approval"} <= set(copied.tags)
    assert it.champion == 2
    assert it.promote()["action"] == "refused"
    assert it.alias == it.champion == 2


def test_a_bar_that_claims_a_rollback_deposes_no_champion(target: Callable[..., Target]) -> None:
    it = target()
    it.promoted("one")
    it.promoted("two")
    it.tag(2, BARRED, "rolled back to version 1: not true")
    it.promote()
    assert it.alias == it.champion == 2


def test_nothing_is_put_back_that_cannot_be_verified(target: Callable[..., Target], tmp_path: Path) -> None:
    it = target()
    it.promoted("one")
    other = it.train("two")
    replace_file(it, 1, "evidence.json", tmp_path)
    it.client.set_registered_model_alias(it.project, CHAMPION, str(other))
    assert it.promote()["action"] == "none"
    with pytest.raises(EvidenceError, match=r"evidence\.json has changed"):
        it.workspace.champion()


def test_nothing_is_restored_that_cannot_be_verified(target: Callable[..., Target], tmp_path: Path) -> None:
    it = target()
    it.promoted("one")
    it.promoted("two")
    replace_file(it, 1, "evidence.json", tmp_path)
    with pytest.raises(EvidenceError, match="version 1 cannot be restored"):
        it.roll_back()
    assert it.alias == it.champion == 2


# --- an approval and a load are for one content ----------------------------------------------------------------------


def test_an_approval_is_not_for_files_that_were_replaced_after_it(
    target: Callable[..., Target], tmp_path: Path
) -> None:
    """Even the holder of the key cannot use an approval for another content."""
    it = target()
    it.promoted("one")
    number = it.train("two", champion=9, champion_digest="9" * 64)
    it.approve(number)
    assert it.promote()["action"] == "refused"
    approved = [entry for entry in read_entries(it.workspace.lake, it.project) if entry.action == "approved"][-1]
    assert isinstance(approved, PromotionEntry)
    version = it.registry.version(it.project, number)
    assert version is not None
    assert approved.digest == it.registry.signed(version).digest
    reseal(it, number, tmp_path)
    assert it.promote()["action"] == "refused"
    assert f"the approval is for {approved.digest[:12]}" in it.refusal(number)
    assert it.alias == it.champion == 1


def test_a_champion_with_other_files_than_those_promoted_is_not_loaded(
    target: Callable[..., Target], tmp_path: Path
) -> None:
    it = target()
    number = it.promoted("one")
    reseal(it, number, tmp_path)
    with pytest.raises(EvidenceError, match=r"the lake's record has [0-9a-f]{12}: its files were replaced"):
        it.workspace.champion()
    with pytest.raises(EvidenceError, match="its files were replaced"):
        it.workspace.load(number)


def test_a_night_loads_the_recorded_champion_wherever_the_alias_points(
    target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    it, loaded = target(), []
    it.promoted("one")
    it.client.set_registered_model_alias(it.project, CHAMPION, str(it.train("two")))
    monkeypatch.setattr(
        "flows.loaded_version._loaded",
        lambda _registry, _project, recorded, _since, _threads: loaded.append((recorded.number, recorded.digest)),
    )
    assert it.workspace.champion() is None  # what the stand-in for the loaded model returns
    assert loaded[:1] == [(1, it.workspace.champion_record().digest(1))]
    assert loaded[0][1]


def test_a_version_that_was_deleted_says_what_to_do(target: Callable[..., Target]) -> None:
    it = target()
    it.registry.ensure(it.project, "A test's own project.")
    with pytest.raises(Terminal, match="was deleted there"):
        it.workspace.load(7)


def replace_file(it: Target, number: int, name: str, folder: Path) -> None:
    run_id = it.client.get_model_version(it.project, str(number)).run_id
    (folder / name).write_text("{}", encoding="utf-8")
    it.client.log_artifact(run_id, str(folder / name), "model")


def reseal(it: Target, number: int, folder: Path) -> None:
    """Replace a version's files by another set, signed with the right key for the right run."""
    from tasks.registry import Statement, seal

    version = it.registry.version(it.project, number)
    assert version is not None
    private = it.registry._keys.private
    assert private is not None
    basis = Basis(1, it.workspace.champion_record().digest(1), evidence_digest(it.workspace.spec), "")
    statement = Statement(version.run_id, clock.now(), replace(basis, lake=it.workspace.lake.identity(it.project)))
    sealed = seal(EVIDENCE, {"project": it.project, "key": version.tags[KEY]}, private, statement)
    for name, content in sealed.items():
        (folder / name).write_bytes(content)
    it.client.log_artifacts(version.run_id, str(folder), "model")


# --- what an earlier Leeway registered -------------------------------------------------------------------------------


def test_a_champion_of_an_earlier_leeway_stays_champion_and_a_waiting_version_of_it_is_refused(
    target: Callable[..., Target], tmp_path: Path
) -> None:
    it = target()
    champion, waiting = it.train("one"), it.train("two")
    for number in (champion, waiting):
        seal_as_protocol_1(it, number, tmp_path / str(number))
    now = clock.now()
    old = PromotionEntry(
        name="1/promoted", night=NIGHT, time=now, action="promoted", reason="approved", subject="version 1"
    )
    append_entry(it.workspace.lake, it.project, old)
    it.tag(champion, PROMOTED, now.isoformat())
    it.client.set_registered_model_alias(it.project, CHAMPION, str(champion))
    it.approve(waiting)
    assert it.promote()["action"] == "refused, adopted"
    assert "registered by an earlier version of Leeway" in it.refusal(waiting)
    version = it.registry.version(it.project, champion)
    assert version is not None
    digest = it.workspace.champion_record().champions()[0].digest
    assert it.registry.fetch(version, digest) == EVIDENCE
    assert it.alias == it.champion == champion
    assert it.promote()["action"] == "none"
    it.promoted("three")
    it.roll_back()
    assert it.alias == it.champion == champion


def seal_as_protocol_1(it: Target, number: int, folder: Path) -> None:
    """Replace a version's manifest by one that an earlier Leeway would have signed."""
    version = it.registry.version(it.project, number)
    assert version is not None
    private = it.registry._keys.private
    assert private is not None
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in EVIDENCE.items()
    }
    about = {"project": it.project, "key": version.tags[KEY]}
    content = json.dumps({"protocol": 1, "about": about, "files": files}).encode()
    folder.mkdir()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(base64.b64encode(private.sign(content)))
    it.client.log_artifacts(version.run_id, str(folder), "model")
