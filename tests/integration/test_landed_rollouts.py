"""A service that may only read the record lands what it sees of a rollout: the promote flow judges it, and records."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from flows.serving.rollout_landing import RolloutLanding
from flows.serving.service_identity import part_of
from flows.steps.in_service.landed_record import record_landed
from flows.steps.in_service.landed_steps import landed_step
from flows.workspace import Workspace, assemble
from tasks import clock
from tasks.errors import EvidenceError, Unreachable
from tasks.ingest.task import take_in
from tasks.lake import LandingFolder, append_entry
from tasks.promote import StepTime
from tasks.records import Delivery, RolloutEntry, running_rollout
from tasks.registry import HomeKeys, Registry
from tasks.rollout import RolloutSums, RolloutTerms, limits, read_evidence
from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store import ServingStore
from tasks.serving_store.rollout_ledger import RolloutLedger, ledger_path, read_sums
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store as store_deliveries
from tasks.validate.task import verdicts
from tasks.whole_file import write_whole
from tests.integration.served_project import Project, project_of_a_test
from tests.integration.test_rollout_control import HEALTHY, TERMS, KilledError, Packages, Stage, dying, packages
from tests.unit.serve.packages import KEY, MOMENT, rows_of_flats, spec_of

__all__ = ["packages"]  # a fixture
AWAY = "http://127.0.0.1:9"


@dataclass
class LandedStage(Stage):
    """A rollout by a service that lands, with a promote flow that records."""

    service: str = "serve-0"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.spec = spec_of("flats", serving={"uri": str(self.root / "served")})
        self.move_in("home")
        self.workspace = Workspace(
            self.spec, self.root, self.root, self.lake, Registry(AWAY, HomeKeys(self.root / "home", {}))
        )

    def move_in(self, folder: str) -> None:
        """Let the service go on in another, empty home: as a pod that is started again."""
        before, self.store = self.store, ServingStore(self.root / folder, [KEY.public_key()])
        shutil.copytree(before.root / "flats", self.store.root / "flats")
        (self.store.root / "flats" / "grant.json").unlink(missing_ok=True)
        ServiceSettings(
            projects=("flats",), root=str(self.store.root), trusted=(), name=self.service, lands_rollouts=True
        ).write()
        where = LandingFolder(self.spec.served_uri("rollouts"), self.spec, self.root, {})
        self.landing, self.worker = RolloutLanding(self.store.root, "flats", self.service, where), None

    @property
    def evidence(self) -> Path:
        """The file of this service."""
        return self.root / "served" / "rollouts" / self.steps[0].rollout / f"{self.service}.json"

    def record(self) -> RolloutEntry | None:
        """Do what the promote flow does each minute."""
        step = landed_step(self.workspace, StepTime(self.now.date(), self.now))
        if step is not None:
            append_entry(self.lake, "flats", step)
        return step

    def turn(self) -> None:
        """Let the service look, ask it, let it look again and land, and let the promote flow look."""
        self.follow()
        self.ask(130)
        self.now += timedelta(seconds=11)
        self.follow()
        self.record()


def forged(stage: LandedStage, changes: dict[str, Any]) -> None:
    """Land evidence as who has the account of the service could."""
    found = read_evidence(stage.evidence.read_bytes())
    seen = {**found.seen, **changes.get("seen", {})}
    stage.evidence.write_bytes(msgspec.structs.replace(found, **(changes | {"seen": seen})).to_json())


@pytest.fixture
def stage_of(tmp_path: Path, packages: Packages) -> Callable[..., LandedStage]:
    made = iter(range(1000))
    return lambda first="forest", second="forest", terms=TERMS: LandedStage(
        tmp_path / str(next(made)), packages, (first, second), terms
    )


def test_the_service_goes_on_as_recorded_and_writes_no_record_itself(
    stage_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of()

    def refused(*_given: Any) -> bool:
        raise AssertionError("the service has written the record")

    monkeypatch.setattr("flows.serving.rollout_control.append_entry", refused)
    for _ in range(2):
        stage.turn()
        stage.follow()
    assert stage.outcome == HEALTHY[:3]
    assert {1, 2} <= set(stage.ask(130))
    assert stage.steps[-1].service == "serve-0"
    stage.turn()
    assert stage.outcome == HEALTHY[:4]
    stage.turn()
    stage.now += timedelta(hours=25)
    stage.follow()
    with pytest.raises(Unreachable):  # MLflow is away: both versions cannot be compared here
        stage.record()
    assert stage.outcome == HEALTHY[:4]


def two_services(stage: LandedStage) -> tuple[LandedStage, LandedStage]:
    """Return two services that have taken up one rollout."""
    other = copy.copy(stage)
    other.service = "serve-1"
    other.move_in("home-1")
    for service in (stage, other):
        service.follow()
    stage.record()
    assert dict(stage.steps[-1].services) == {"serve-0": 1, "serve-1": 1}
    return stage, other


def test_services_behind_one_address_share_a_rollout(stage_of: Any) -> None:
    one, two = two_services(stage_of(terms=replace(TERMS, entity="flat", quota=51)))
    for _ in range(2):
        for service in (one, two):
            service.follow()
            service.ask(130)
            service.now += timedelta(seconds=11)
            service.follow()
        if one.outcome == HEALTHY[:2]:
            assert one.record() is not None
    assert one.outcome == HEALTHY[:3]
    assert RolloutSums.from_dict(one.steps[-1].seen).rows == 260, "what both have seen is one evidence"
    answered = one.ask(130)
    assert set(answered) == {1, 2}
    assert two.ask(130) == answered, "an entity has one version, whichever service it asks"
    counted = [read_sums(each.store.root, "flats", one.steps[0].rollout, 2) for each in (one, two)]
    assert sum(each.of_candidate + each.of_champion for each in counted) == 130, "and is counted once"
    assert 0 < counted[0].of_candidate + counted[0].of_champion < 130
    assert sum(part_of(one.steps[-1], name).of(51) for name in ("serve-0", "serve-1")) == 51


def test_harm_that_one_service_sees_ends_the_share_in_all(stage_of: Any) -> None:
    one, two = two_services(stage_of("linear", "regression"))
    for service in (one, two):
        service.follow()
        assert service.store.grant_stamp("flats") is not None
    one.ask()
    one.now += timedelta(seconds=11)
    two.now = one.now
    for service in (one, two):
        service.follow()
        assert service.store.grant_stamp("flats") is None
    step = two.record()
    assert step is not None
    assert "than the gate promised" in step.reason


def test_a_service_that_sees_harm_ends_its_share_although_it_cannot_read_what_others_have_seen(stage_of: Any) -> None:
    one, _ = two_services(stage_of("linear", "regression"))
    one.follow()
    one.ask()
    (one.evidence.with_name("serve-1.json")).write_bytes(b"{")
    one.now += timedelta(seconds=11)
    with pytest.raises(EvidenceError, match="damaged"):
        one.follow()
    assert one.store.grant_stamp("flats") is None


def test_a_rollout_goes_on_without_a_service_that_is_gone_but_not_without_what_it_has_seen(stage_of: Any) -> None:
    one, two = two_services(stage_of())
    for service in (one, two):
        service.follow()
        service.ask(60)
        service.now += timedelta(seconds=11)
        service.follow()
    assert one.record() is not None, "each has seen 60 rows of 100"
    assert (one.outcome, one.record()) == (HEALTHY[:3], None)
    one.turn()
    one.turn()
    assert one.outcome == HEALTHY[:4]
    (one.evidence.with_name("serve-1.json")).unlink()
    one.now += timedelta(seconds=11)
    with pytest.raises(EvidenceError, match="is gone"):
        one.follow()
    assert one.record() is None


def test_services_have_a_moment_to_join_a_rollout(stage_of: Any) -> None:
    stage = stage_of()
    stage.now = MOMENT + timedelta(seconds=20)
    stage.follow()
    assert stage.record() is None
    stage.now += timedelta(seconds=20)
    stage.follow()
    assert stage.record().service == "serve-0"


def test_harm_ends_the_share_before_anybody_records_it(stage_of: Any) -> None:
    stage = stage_of("linear", "regression")
    for _ in range(2):
        stage.follow()
        stage.record()
    stage.follow()
    assert stage.store.grant_stamp("flats") is not None
    stage.ask()
    stage.follow()
    assert (stage.outcome[-1], stage.store.grant_stamp("flats")) == (("advanced", 0.0), None)
    assert json.loads(stage.evidence.read_bytes())["ended"]
    stage.move_in("again")
    stage.follow()
    assert stage.store.grant_stamp("flats") is None, "also after its home was lost"
    assert "than the gate promised" in stage.record().reason
    assert (stage.outcome[-1], running_rollout([*stage.steps])) == (("rolled_back", 0.0), None)


def test_a_service_that_lost_its_home_goes_on_with_what_it_has_landed(stage_of: Any) -> None:
    stage = stage_of()
    for _ in range(3):
        stage.turn()
        stage.follow()
    before = read_evidence(stage.evidence.read_bytes())
    own = read_sums(stage.store.root, "flats", before.rollout, stage.steps[-1].stage)
    assert stage.steps[-1].share == 0.5
    stage.move_in("again")
    stage.follow()
    after = read_sums(stage.store.root, "flats", before.rollout, stage.steps[-1].stage)
    assert (after.rows, after.changed) == (own.rows, own.changed)
    assert np.allclose(after.wealth, own.wealth)
    grant = stage.store.readable_grant("flats")
    assert grant.salt == before.salt != ""
    assert after.spent == before.reserved == 5, "each reserved answer counts as sent: a tenth of 50"
    assert grant.quota <= TERMS.quota - before.reserved
    stage.turn()
    assert stage.outcome[-1] == ("advanced", 1.0)


def test_homes_that_are_lost_again_and_again_never_send_more_than_the_quota(tmp_path: Path) -> None:
    """Workers spend whatever they are granted, and the service is killed at any moment of landing."""
    terms = RolloutTerms(limits(0.5, 0.5, (-0.5, 0.5), 0.5), 0.01, 37, 0.5, bake_hours=24.0, doubt_hours=72.0)
    last = RolloutEntry(
        name="2/ab/2", night=MOMENT.date(), time=MOMENT, action="advanced", reason="", subject="version 2",
        digest="ab", champion_digest="cd", stage=2, share=0.5, service="serve-0", slots=2, terms=terms.to_dict(),
    )  # fmt: skip
    spec, rng, sent = spec_of("flats", serving={"uri": str(tmp_path / "served")}), np.random.default_rng(7), 0
    for life in range(40):
        root = tmp_path / f"home-{life}"
        ServiceSettings(projects=("flats",), root=str(root), trusted=()).write()
        where = LandingFolder(spec.served_uri("rollouts"), spec, tmp_path, {})
        landing, name = RolloutLanding(root, "flats", "serve-0", where), last.rollout
        for _ in range(rng.integers(1, 4)):
            before, sums = landing.restored(name), read_sums(root, "flats", name, 2)
            reserved = landing.reserved(terms.quota, sums, 0.5, before)
            evidence = landing.evidence(last, 2, MOMENT + timedelta(minutes=life))
            landing.land(msgspec.structs.replace(evidence, reserved=reserved, seen=sums.to_dict()), before)
            if rng.random() < 0.3:
                break  # killed before anything was granted
            quota = landing.quota(name, reserved)
            for slot in range(2):
                ledger = RolloutLedger(ledger_path(root, "flats", name, slot))
                while (rng.random() < 0.9) and ledger.spend(1, quota // 2 + (slot < quota % 2)):
                    sent += 1
                ledger.close()
    assert 10 <= sent <= 37


def test_nothing_is_granted_while_nothing_can_land(stage_of: Any) -> None:
    stage = stage_of()
    for _ in range(2):
        stage.follow()
        stage.record()
    stage.follow()
    first = stage.store.readable_grant("flats")
    folder = stage.evidence.parent
    folder.rename(folder.with_name("away"))
    folder.write_bytes(b"")  # in the way
    stage.now += timedelta(seconds=15)
    with pytest.raises(Unreachable):
        stage.follow()
    assert stage.store.readable_grant("flats") == first, "it ends by itself"


def test_a_landing_zone_that_cannot_be_read_stops_no_approval_and_is_read_again_by_the_next_run(
    stage_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stage = stage_of()
    stage.follow()
    folder = stage.evidence.parent
    folder.rename(folder.with_name("away"))
    folder.write_bytes(b"")  # in the way
    with pytest.raises(Unreachable):
        landed_step(stage.workspace, StepTime(stage.now.date(), stage.now))
    record_landed(stage.workspace, StepTime(stage.now.date(), stage.now))
    assert "rollout_not_judged" in caplog.text
    assert stage.outcome == HEALTHY[:1]
    folder.unlink()
    folder.with_name("away").rename(folder)
    stage.record()
    assert stage.outcome == HEALTHY[:2]


def test_a_version_that_is_not_wanted_any_more_is_granted_nothing_until_the_promote_flow_ends_its_rollout(
    stage_of: Any,
) -> None:
    stage = stage_of()
    for _ in range(2):
        stage.follow()
        stage.record()
    stage.withdrawn = "its approval was withdrawn in MLflow"
    stage.now += timedelta(seconds=15)
    with pytest.raises(EvidenceError, match="withdrawn in MLflow"):
        stage.follow()
    assert stage.store.grant_stamp("flats") is None


def test_of_several_services_that_would_run_a_rollout_one_is_chosen_and_one_that_is_gone_is_not(stage_of: Any) -> None:
    stage = stage_of()
    other = replace(stage.landing, service="serve-1")
    stage.follow()
    first = stage.steps[0]
    other.land(other.evidence(first, 2, stage.now + timedelta(minutes=30)), None)
    stage.evidence.with_name("..json").write_bytes(b"{}")
    stage.now += timedelta(minutes=30)
    step = stage.record()
    assert (step.service, step.slots, step.action) == ("serve-1", 2, "advanced"), "serve-0 has said nothing for long"
    assert stage.follow() is None
    assert stage.store.grant_stamp("flats") is None


WRITES: dict[str, Callable[..., Any]] = {
    "tasks.lake.LandingFolder.write": LandingFolder.write,
    "tasks.serving_store.ServingStore.write_grant": ServingStore.write_grant,
    "flows.serving.rollout_landing.write_whole": write_whole,
    f"{__name__}.append_entry": append_entry,
}
"""Of the service and of the promote flow."""
FORGERIES: dict[str, tuple[dict[str, Any], str | None]] = {
    "more evidence than rows": ({"seen": {"wealth": [[900.0] * 8] * 6}}, "than 260 rows can give"),
    "fewer rows than before": ({"seen": {"rows": 5, "wealth": [[0.0] * 8] * 6}}, "fewer rows"),
    "more changed answers than are allowed": ({"seen": {"spent": 51}}, "51 changed answers were sent"),
    "a negative count": ({"seen": {"answers": -1}}, "numbers that cannot be"),
    "another form": ({"seen": {"wealth": [1.0]}}, "numbers that cannot be"),
    "of another step": ({"stage": 7, "seen": {"rows": 10**6}}, None),
    "of another service": ({"service": "serve-1", "seen": {"rows": 10**6}}, None),
    "of another rollout": ({"rollout": "9-ab", "seen": {"rows": 10**6}}, None),
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, packages: Packages) -> LandedStage:
    """Return a rollout that has just got a share of the requests; tests take back what they record."""
    stage = LandedStage(tmp_path_factory.mktemp("tried"), packages, ("forest", "forest"), TERMS)
    for _ in range(3):
        stage.turn()
        stage.follow()
    stage.now += timedelta(seconds=11)
    stage.follow()
    return stage


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_evidence_leads_to_no_share_and_to_a_person(tried: LandedStage, forgery: str) -> None:
    changes, said = FORGERIES[forgery]
    honest = tried.evidence.read_bytes()
    forged(tried, changes)
    step = landed_step(tried.workspace, StepTime(tried.now.date(), tried.now))
    tried.evidence.write_bytes(honest)
    if said is None:
        assert step is None
    else:
        assert step is not None
        assert (step.action, step.share, step.seen) == ("doubted", 0.0, {})
        assert said in step.reason


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 50, b"[" * 200_000], ids=["empty", "{}", "bytes", "large"])
def test_a_damaged_file_is_no_evidence_and_no_fault_of_the_flow(tried: LandedStage, content: bytes) -> None:
    honest = tried.evidence.read_bytes()
    tried.evidence.write_bytes(content)
    assert landed_step(tried.workspace, StepTime(tried.now.date(), tried.now)) is None
    tried.evidence.write_bytes(honest)


def test_a_service_cannot_claim_more_time_than_has_passed(tried: LandedStage) -> None:
    honest = tried.evidence.read_bytes()
    waiting = replace(TERMS, stage_hours=5.0, counts_idle=False)
    patient = replace(tried.steps[-1], terms=waiting.to_dict(), name="2/patient/1", digest="patient" * 9)
    seen = {"busy_seconds": 1e9, "answers": 10**6, "rows": 10**6}
    forged(tried, {"rollout": patient.rollout, "seen": seen})
    from flows.steps.in_service.landed_steps import _judged

    landed = read_evidence(tried.evidence.read_bytes())
    tried.evidence.write_bytes(honest)
    for hours, expected in ((4.9, None), (5.1, ("advanced", 1.0))):
        moment = StepTime(date.today(), patient.time + timedelta(hours=hours))  # noqa: DTZ011 - of no importance here
        step = _judged(tried.workspace, [patient], [landed], moment)
        assert (None if step is None else (step.action, step.share)) == expected


def test_a_kill_at_any_write_of_service_or_flow_ends_as_undisturbed(
    stage_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, last = [0], len(WRITES) * 2
    for kill_at in range(1, last + 1):
        with monkeypatch.context() as patched:
            left[0] = kill_at
            for place, real in WRITES.items():
                patched.setattr(place, dying(real, left, after=kill_at % 2 == 0))
            stage = stage_of("linear", "regression")
            for _ in range(8):
                try:
                    stage.turn()
                except KilledError:
                    if kill_at % 3 == 0:
                        stage.move_in(f"home-{kill_at}")  # and its home is gone
        assert stage.outcome == [("started", 0.0), ("advanced", 0.0), ("rolled_back", 0.0)], kill_at


@dataclass
class Finishing:
    """A rollout that a service says is done, of a project with an MLflow and rows in the lake."""

    project: Project
    terms: RolloutTerms = field(default_factory=lambda: replace(TERMS, unit=30.0, bake_hours=1e-9, stage_rows=20))

    def __post_init__(self) -> None:
        self.project.promote(1)
        self.workspace = assemble(read_spec(self.project.path), self.project.path)
        began = clock.now() - timedelta(hours=1)
        self.last = RolloutEntry(
            name=f"2/{self.project.digests[2][:12]}/3", night=began.date(), time=began, action="advanced",
            reason="", subject="version 2", digest=self.project.digests[2], stage=3, share=1.0, service="serve-0",
            slots=1, champion_digest=self.project.digests[1], terms=self.terms.to_dict(),
        )  # fmt: skip
        append_entry(self.project.lake, self.project.name, self.last)

    def claim(self) -> None:
        """Land what a candidate leads to that answers each of 2,000 rows like the champion."""
        root = self.project.home / "serving"
        ServiceSettings(projects=(self.project.name,), root=str(root), trusted=()).write()
        spec = self.workspace.spec
        where = LandingFolder(spec.served_uri("rollouts"), spec, self.project.path.parent, {})
        landing = RolloutLanding(root, self.project.name, "serve-0", where)
        same = np.log1p(np.array([15 / 16, *(0.5**power for power in range(1, 8))])) * 50
        none = read_sums(root, self.project.name, "none", 0)
        seen = replace(none, rows=2000, answers=2000, busy_seconds=3000.0)
        wealth = np.where(np.arange(6)[:, None] >= 4, 0.02 * same, -same / 50)
        seen = replace(seen, wealth=wealth * 10)
        evidence = landing.evidence(self.last, 1, clock.now())
        landing.land(msgspec.structs.replace(evidence, seen=seen.to_dict()), None)

    def take_in(self, rows: int) -> None:
        """Take in rows of flats, as a night does."""
        spec, folder = self.workspace.spec, self.project.path.parent
        frame = rows_of_flats(rows, seed=3).assign(flat=[f"a{number}" for number in range(rows)])
        (folder / "landing").mkdir(exist_ok=True)
        (folder / "prices").mkdir(exist_ok=True)
        frame.to_csv(folder / "landing" / f"2026-11-{20 + rows % 7}.csv", index=False)
        night, now = clock.now().date(), clock.now()
        read = [each for each in take_in(self.workspace.lake, spec, folder, night, now) if isinstance(each, Delivery)]
        store_deliveries(self.workspace.lake, spec, list(verdicts(read, spec, folder)), night, now)

    @property
    def outcome(self) -> tuple[str, str]:
        """Let the promote flow record what follows; return the last step and its reason."""
        record_landed(self.workspace, StepTime(clock.now().date(), clock.now()))
        from tasks.lake import read_entries

        step = [each for each in read_entries(self.project.lake, self.project.name) if isinstance(each, RolloutEntry)]
        return step[-1].action, step[-1].reason


@pytest.fixture
def numbers(
    tmp_path: Path, mlflow_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """Return a project with two versions that answer with numbers."""
    return project_of_a_test(tmp_path, mlflow_url, request, monkeypatch, ("linear", "regression"))


def test_who_has_the_services_account_cannot_finish_a_rollout_that_the_rows_of_the_lake_speak_against(
    numbers: Project,
) -> None:
    """Version 2 differs far more than promised, and the evidence that landed says that it answers like the champion."""
    finishing = Finishing(numbers)
    finishing.claim()
    finishing.take_in(300)
    action, reason = finishing.outcome
    assert (action, "on the rows of the lake" in reason) == ("rolled_back", True), reason


def test_with_a_log_a_rollout_is_not_finished_before_its_rows_are_in_the_lake(numbers: Project) -> None:
    text = numbers.path.read_text(encoding="utf-8")
    numbers.path.write_text(f"{text}serving: {{log: true}}\n", encoding="utf-8")
    loose = replace(TERMS, limits=limits(0.97, 0.97, (-0.97, 0.97), 0.0), unit=30.0, bake_hours=1e-9, stage_rows=20)
    finishing = Finishing(numbers, loose)
    finishing.claim()
    assert finishing.outcome[0] == "advanced"
    finishing.take_in(60)
    action, reason = finishing.outcome
    assert action == "finished", reason
    assert "compared again on 60 rows of the lake" in reason
