"""A rollout goes on as its evidence allows, ends when it must, and is the same whatever is killed on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

from flows.serving.rollout_control import PackagePair, RolloutControl
from flows.serving.rollout_landing import RolloutLanding
from flows.serving.service_identity import rollout_salt, service_id
from flows.steps.in_service.rollout_guardrails import found_by_nights
from flows.steps.in_service.rollout_steps import next_step
from tasks import clock
from tasks.lake import Lake, append_entry, read_entries
from tasks.promote import StepTime
from tasks.records import (
    GuardedMetric,
    NightEntry,
    PromotionEntry,
    RolloutEntry,
    champion_record,
    rollouts,
    running_rollout,
)
from tasks.rollout import GuardrailTerms, RolloutTerms, RolloutVerdict, limits
from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store import ServablePackage, ServingStore
from tasks.serving_store.rollout_grant import LEASE_SECONDS
from tasks.serving_store.rollout_ledger import RolloutLedger, ledger_path
from tests.recorded_entries import decided_night, started_rollout
from tests.unit.serve.canaries import Canary, rows
from tests.unit.serve.packages import KEY, MOMENT, fitted, package_of, write_suite

TERMS = RolloutTerms(
    limits(0.05, 0.05, (-0.05, 0.05), 0.5), alpha=0.01, quota=50, first_share=0.5, bake_hours=24, doubt_hours=72
)
Packages = Callable[[str, int], tuple[ServablePackage, Mapping[str, bytes]]]
REQUESTS = 260


class KilledError(Exception):
    """The controller ended here."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Return packages of models by kind and number, each made once."""
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return cache(lambda kind, number: package_of(folder, fitted(kind), number))


@dataclass
class Stage:
    """A rollout of version 2 against version 1, with a controller and a worker in this process."""

    root: Path
    packages: Packages
    kinds: tuple[str, str] = ("forest", "forest")
    terms: RolloutTerms = TERMS
    now: datetime = field(default_factory=lambda: clock.now() + timedelta(hours=1))  # no lease ends while tests wait

    def __post_init__(self) -> None:
        self.lake = Lake(str(self.root / "lake"))
        self.store = ServingStore(self.root / "serving", [KEY.public_key()])
        made = [self.packages(kind, number) for number, kind in enumerate(self.kinds, start=1)]
        digests = [self.store.add_package(*each, KEY) for each in made]
        self.store.publish(made[0][0], digests[0], KEY, MOMENT)
        self.pair = PackagePair(*digests)
        ServiceSettings(projects=("flats",), root=str(self.store.root), trusted=()).write()
        champion, candidate = (package.version_digest for package, _ in made)
        common: dict[str, Any] = {"night": MOMENT.date(), "time": MOMENT, "reason": ""}
        promoted = PromotionEntry(name="1", action="promoted", subject="version 1", digest=champion, **common)
        append_entry(self.lake, "flats", promoted)
        append_entry(self.lake, "flats", started_rollout(candidate, champion, self.terms, MOMENT))
        self.worker: Canary | None = None
        self.landing: RolloutLanding | None = None
        self.withdrawn: str | None = None

    @property
    def control(self) -> RolloutControl:
        entries = read_entries(self.lake, "flats")
        last = running_rollout(entries)
        known = () if last is None else found_by_nights(entries, last)
        return RolloutControl("flats", self.lake, self.store, KEY, self.landing, known)

    @property
    def steps(self) -> list[RolloutEntry]:
        return rollouts(read_entries(self.lake, "flats"))[-1]

    def follow(self) -> str | None:
        """Let the controller look once, as `Publisher.roll_out` does."""
        last = running_rollout(read_entries(self.lake, "flats"))
        if last is None:
            self.control.end()
            return None
        return self.control.follow(last, self.pair, StepTime(self.now.date(), self.now), lambda: self.withdrawn)

    def ask(self, count: int = REQUESTS) -> list[int]:
        """Send requests to the worker; return the versions that answered."""
        grant = self.store.readable_grant("flats")
        if self.worker is None and grant is not None:
            self.worker = Canary(self.store, grant)
        if self.worker is None:
            return [1] * count
        return [reply["version"] for reply in self.worker.ask_all([[row] for row in rows(count)])]

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows any more."""
        return self.steps[-1].action in {"rolled_back", "finished"}

    def live(self, looks: int = 6) -> None:
        """Look and ask in turns, until nothing follows; an hour, or a day with all requests, passes after each."""
        for _ in range(looks):
            if self.has_ended:
                return
            self.follow()
            self.follow()
            self.ask()
            self.follow()
            self.now += timedelta(hours=25 if self.steps[-1].share == 1 else 1)

    @property
    def outcome(self) -> list[tuple[str, float]]:
        return [(step.action, step.share) for step in self.steps]


HEALTHY = [("started", 0.0), ("advanced", 0.0), ("advanced", 0.5), ("advanced", 1.0), ("finished", 1.0)]


@pytest.fixture
def stage_of(tmp_path: Path, packages: Packages) -> Callable[..., Stage]:
    """Return what begins a rollout, each in a folder of its own."""
    made = iter(range(1000))
    return lambda first="forest", second="forest", terms=TERMS: Stage(
        tmp_path / str(next(made)), packages, (first, second), terms
    )


def test_a_candidate_that_answers_as_promised_goes_from_a_shadow_to_all_requests(stage_of: Any) -> None:
    stage = stage_of()
    stage.live()
    assert stage.outcome == HEALTHY
    stage.now = stage.steps[-1].time
    stage.follow()
    assert set(stage.ask(20)) == {2}, "it goes on until the promote flow has made it champion"
    stage.now += timedelta(hours=2)
    stage.follow()
    assert set(stage.ask(20)) == {1}, "but not for ever"


def test_a_candidate_that_differs_more_than_promised_is_rolled_back_and_barred(stage_of: Any) -> None:
    stage = stage_of("linear", "regression")
    stage.live(3)
    last = stage.steps[-1]
    assert (last.action, last.share) == ("rolled_back", 0.0)
    assert "than the gate promised" in last.reason
    assert champion_record(read_entries(stage.lake, "flats")).bar(2, last.digest) is not None
    assert stage.store.grant_stamp("flats") is None
    assert set(stage.ask(20)) == {1}
    assert max(step.share for step in stage.steps) == 0


def test_the_record_has_the_wealth_at_the_beginning_of_each_stage_that_bets_by_stage(stage_of: Any) -> None:
    stage = stage_of(terms=replace(TERMS, bets_by_stage=True))
    stage.live()
    assert stage.outcome[-1] == ("finished", 1.0)
    stored = [step.seen.get("starts", []) for step in stage.steps]
    assert [len(starts) for starts in stored] == [0, 0, 0, 1, 2], "nothing was seen before the first stage"
    assert stored[-1] == [step.seen["wealth"] for step in stage.steps[2:4]]


def test_what_a_night_has_found_of_the_users_ends_a_canary_that_differs_as_promised(stage_of: Any) -> None:
    stage = stage_of(terms=replace(TERMS, guardrails=(GuardrailTerms("redone", "higher", 0.03),)))
    stage.live(2)
    canary = stage.steps[-1]
    assert (canary.action, canary.share) == ("advanced", 0.5)
    stage.live(2)
    assert stage.steps[-1] == canary, "all requests are only answered once a night has shown that users do no worse"
    append_entry(stage.lake, "flats", night_with(canary.rollout, evidence=7.0))
    stage.follow()
    last = stage.steps[-1]
    assert (last.action, last.share, last.seen["guardrails"][0]["worse"]) == ("rolled_back", 0.0, 7.0)
    assert "users' redone is worse: redone 12.5 % of 800 with the candidate" in last.reason
    assert set(stage.ask(20)) == {1}


def night_with(rollout: str, evidence: float) -> NightEntry:
    """Return a night that has compared what users see of both versions."""
    metric = GuardedMetric("redone", rollout, "higher", 0.03, 800, 9000, 0.125, 0.05, evidence, -evidence)
    return decided_night(guarded=(metric,))


def test_three_faults_in_a_row_are_rolled_back_in_any_stage(stage_of: Any) -> None:
    stage = stage_of()
    for _ in range(2):
        stage.follow()
    ledger = RolloutLedger(ledger_path(stage.store.root, "flats", stage.steps[-1].rollout, 0))
    ledger.add("stopped", 1)
    ledger.close()
    assert "in a row" in str(stage.follow())
    assert stage.outcome[-1] == ("rolled_back", 0.0)


@pytest.mark.parametrize(("on_doubt", "versions"), [("hold", {1, 2}), ("end", {1})])
def test_a_doubt_is_never_a_promotion_and_harm_still_ends_it(
    stage_of: Any, on_doubt: Literal["hold", "end"], versions: set[int]
) -> None:
    stage = stage_of(terms=replace(TERMS, quota=1, on_doubt=on_doubt))
    for _ in range(3):
        stage.follow()
        stage.ask()
    assert stage.outcome[-1] == ("advanced", 0.5)
    ledger = stage.worker.candidates.get(stage.worker.champions.get("flats"), -1.0).ledger
    ledger.add("changed", 20)  # of about a thousand rows: the next stage may need two changed answers
    stage.now += timedelta(hours=73)
    assert "may need more changed answers than are left of 1" in str(stage.follow())
    assert stage.outcome[-1] == ("doubted", 0.5)
    stage.now += timedelta(hours=1000)
    assert stage.follow() is None
    assert set(stage.ask()) == versions
    ledger.add("stopped", 1)
    stage.follow()
    assert stage.outcome[-1] == ("rolled_back", 0.0)


@pytest.mark.parametrize("kinds", [("forest", "forest"), ("linear", "regression")])
def test_a_kill_at_any_write_ends_as_if_nothing_had_happened(
    stage_of: Any, monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, str]
) -> None:
    undisturbed = stage_of(*kinds)
    undisturbed.live()
    left = [0]
    for after in (False, True):
        for kill_at in range(1, 9):
            with monkeypatch.context() as patched:
                left[0] = kill_at
                _dies(patched, left, after=after)
                stage = stage_of(*kinds)
                while not stage.has_ended:
                    try:
                        stage.live(1)
                    except KilledError:
                        stage.live(1)
            assert stage.outcome == undisturbed.outcome, (after, kill_at)


def _dies(patched: pytest.MonkeyPatch, left: list[int], *, after: bool) -> None:
    """Let the n-th write of the controller be the last thing that it does, or the first that it does not do."""
    patched.setattr("flows.serving.rollout_control.append_entry", dying(append_entry, left, after=after))
    for name in ("write_grant", "remove_grant"):
        patched.setattr(ServingStore, name, dying(getattr(ServingStore, name), left, after=after))


def dying(real: Callable[..., Any], left: list[int], *, after: bool) -> Callable[..., Any]:
    """Return a function that counts down, and ends the process after, or instead of, the last call."""

    def write(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and not after:
            raise KilledError
        result = real(*given, **named)
        if left[0] == 0:
            raise KilledError
        return result

    return write


def test_a_version_that_a_person_no_longer_wants_answers_nothing_from_the_next_grant_on(stage_of: Any) -> None:
    stage = stage_of()
    for _ in range(3):
        stage.follow()
        stage.ask()
    assert stage.outcome[-1] == ("advanced", 0.5)
    stage.follow()
    stage.withdrawn = "its approval was withdrawn in MLflow"
    assert stage.follow() is None, "MLflow is not asked at each look"
    stage.now += timedelta(seconds=LEASE_SECONDS / 3 + 1)
    assert "approval was withdrawn" in str(stage.follow())
    last = stage.steps[-1]
    assert (last.action, last.share, last.actor) == ("rolled_back", 0.0, "a person, in MLflow")
    assert set(stage.ask()) == {1}
    assert champion_record(read_entries(stage.lake, "flats")).bar(2, last.digest) is not None


def test_an_idle_service_does_not_bake_a_version(stage_of: Any) -> None:
    """The candidate has answered enough rows, and then no request comes for a day."""
    stage = stage_of(terms=replace(TERMS, stage_hours=0.0, counts_idle=False))
    for _ in range(8):
        stage.follow()
        stage.ask(130)
    assert stage.outcome[-1] == ("advanced", 1.0)
    stage.now += timedelta(hours=25)
    assert stage.follow() is None
    stage.now += timedelta(hours=72)
    assert "of 24 hours with requests are over" in str(stage.follow())
    assert stage.outcome[-1] == ("doubted", 1.0)


def test_the_secret_of_a_rollout_is_drawn_once_and_is_of_that_rollout(stage_of: Any) -> None:
    stage = stage_of()
    stage.follow()
    stage.follow()
    salt = stage.store.readable_grant("flats").salt
    stage.store.remove_grant("flats")
    stage.follow()
    assert stage.store.readable_grant("flats").salt == salt
    assert len({salt, "", rollout_salt(stage.store.root, "flats", "3-another")}) == 3


def test_of_two_controllers_one_records_a_step(stage_of: Any) -> None:
    stage = stage_of()
    last, moment = stage.steps[-1], StepTime(stage.now.date(), stage.now)
    taken = [stage.control.follow(last, stage.pair, moment, lambda: None) for _ in range(2)]
    assert [each is None for each in taken] == [False, True]
    assert len(stage.steps) == 2


def test_a_rollout_of_another_service_is_left_to_it(stage_of: Any) -> None:
    stage = stage_of()
    elsewhere = next_step(
        replace(stage.steps[-1], service="another", slots=1),
        RolloutVerdict("advanced", 1.0, ""),
        StepTime(stage.now.date(), stage.now),
    )
    append_entry(stage.lake, "flats", elsewhere)
    assert stage.follow() is None
    assert stage.store.grant_stamp("flats") is None
    assert service_id(stage.store.root) == service_id(stage.store.root) != "another"


def test_a_rollout_is_void_once_another_version_is_champion(stage_of: Any) -> None:
    stage = stage_of()
    stage.live(1)
    assert stage.store.grant_stamp("flats") is not None
    promoted = PromotionEntry(
        name="3",
        action="promoted",
        subject="version 3",
        digest="3" * 64,
        night=MOMENT.date(),
        time=datetime.now(UTC),
        reason="",
    )
    append_entry(stage.lake, "flats", promoted)
    assert stage.follow() is None
    assert stage.store.grant_stamp("flats") is None


def test_a_grant_is_renewed_before_it_ends_and_not_at_each_look(stage_of: Any) -> None:
    stage = stage_of()
    stage.follow()
    stage.follow()
    first = stage.store.readable_grant("flats")
    stage.now += timedelta(seconds=5)
    stage.follow()
    assert stage.store.readable_grant("flats") == first
    stage.now += timedelta(seconds=10)
    stage.follow()
    renewed = stage.store.readable_grant("flats")
    assert renewed.serial > first.serial
    assert renewed.not_after == pytest.approx(first.not_after + 15)
