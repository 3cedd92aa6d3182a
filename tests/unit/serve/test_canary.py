"""A candidate answers its share, never more than its quota, and never instead of an answer that the champion has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks import clock
from tasks.errors import EvidenceError
from tasks.inference import Answers
from tasks.rollout import AnswerChange, PairedTest, is_within, log_wealth, position
from tasks.rollout.betting import evidence
from tasks.serve.candidates import Candidates, Granted
from tasks.serve.processes.rollout_metrics import rollout_lines
from tasks.serve.served_version import ServedVersion
from tasks.serve.tick_batch import TickBatch
from tasks.serving_store import RolloutGrant, ServablePackage, ServingStore
from tasks.serving_store.rollout_ledger import RolloutLedger, ledger_path, read_sums
from tests.unit.serve.canaries import LIMITS, Canary, rows
from tests.unit.serve.packages import KEY, MOMENT, ROW, fitted, package_of, write_suite

Make = Callable[..., Canary]
Packages = Callable[[str, int], tuple[ServablePackage, Mapping[str, bytes]]]


@pytest.fixture(scope="module")
def packages(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, int], tuple[ServablePackage, Mapping[str, bytes]]]:
    """Return packages of models by kind and number, each made once."""
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return cache(lambda kind, number: package_of(folder, fitted(kind), number))


@pytest.fixture
def canary_of(tmp_path: Path, packages: Packages) -> Make:
    """Return what publishes version 1, packages version 2, and grants it all requests."""

    def made(kinds: tuple[str, str] = ("binary", "forest"), **changes: Any) -> Canary:
        store = ServingStore(tmp_path / token_hex(4), [KEY.public_key()])
        digests = [store.add_package(*packages(kind, number), KEY) for number, kind in enumerate(kinds, start=1)]
        store.publish(store.package("flats", digests[0])[0], digests[0], KEY, MOMENT)
        grant = RolloutGrant(
            protocol=1,
            project="flats",
            serial=1,
            rollout="2-abc",
            stage=1,
            champion=digests[0],
            candidate=digests[1],
            version=2,
            share=1.0,
            entity="",
            quota=1000,
            slots=1,
            unit=5.0,
            limits=LIMITS,
            not_after=clock.now().timestamp() + 3600,
        )
        canary = Canary(store, msgspec.structs.replace(grant, **changes))
        store.write_grant(canary.grant, KEY)
        return canary

    return made


def test_the_reply_and_the_log_say_which_version_answered(canary_of: Make) -> None:
    canary = canary_of(share=0.0)
    assert canary.ask(ROW)["version"] == 1
    canary.let(share=1.0)
    assert canary.ask(ROW)["version"] == 2
    assert canary.logged == [1, 2]


def test_a_shadow_answers_nothing_and_is_compared_on_every_row(canary_of: Make) -> None:
    canary = canary_of(share=0.0)
    replies = canary.ask_all([[row] for row in rows(60)])
    assert {reply["version"] for reply in replies} == {1}
    assert (canary.sums.rows, canary.sums.answers, canary.sums.spent) == (60, 0, 0)
    assert canary.sums.changed > 0
    assert np.abs(canary.sums.wealth).sum() > 0


@pytest.mark.parametrize("kinds", [("binary", "forest"), ("multiclass", "multiclass"), ("regression", "linear")])
def test_the_quota_of_changed_answers_is_never_exceeded_and_equal_decisions_go_on(
    canary_of: Make, kinds: tuple[str, str]
) -> None:
    canary = canary_of(kinds, quota=1, unit=0.5)
    replies = canary.ask_all([[row] for row in rows(80)])
    sums = canary.sums
    assert sums.spent == min(1, sums.changed)
    assert sum(reply["version"] == 2 for reply in replies) == sums.answers
    assert sums.answers > 1
    champion = canary_of(kinds, share=0.0).ask_all([[row] for row in rows(80)])
    decided = [decision(before) != decision(after) for before, after in zip(champion, replies, strict=True)]
    assert kinds[0] == "regression" or sum(decided) <= 1


def test_the_log_says_which_version_was_drawn_also_where_the_other_one_answers(canary_of: Make) -> None:
    spent = canary_of(("regression", "linear"), share=0.5, entity="flat", quota=0, unit=0.5, salt="secret")
    spent.ask_all([[row] for row in rows(40)])
    drawn = [is_within(position(row["flat"], "secret"), 0.5) for row in rows(40)]
    assert spent.arms == ["candidate" if mine else "champion" for mine in drawn]
    assert 0 < spent.logged.count(2) < drawn.count(True)
    spent.store.remove_grant("flats")
    spent.ask(ROW)
    assert spent.arms[-1] == "none"


def decision(reply: dict[str, Any]) -> Any:
    (answer,) = reply["answers"]
    return answer["deferred"], answer.get("decision", answer["prediction"])


def test_the_quota_is_divided_among_workers_and_kept_over_restarts(canary_of: Make) -> None:
    canary = canary_of(("regression", "linear"), quota=5, slots=2, unit=0.5)
    canary.ask_all([[row] for row in rows(80)])
    assert canary.sums.spent == 3
    again = restarted(canary)
    again.ask_all([[row] for row in rows(80)])
    assert again.sums.spent == 3


def restarted(canary: Canary) -> Canary:
    """Return the service as a new process, in which the first one has ended."""
    canary.store.remove_grant("flats")
    canary.candidates.exchange(canary.candidates.load("flats"), 0.0)
    again = Canary(canary.store, canary.grant)
    again.let()
    return again


class _Broken:
    """Answers of a candidate that fails in one of several ways."""

    def __init__(self, version: ServedVersion, how: str) -> None:
        self._version, self._how = version, how

    def __getattr__(self, name: str) -> Any:
        return getattr(self._version, name)

    def answers(self, typed: Any) -> Any:
        if self._how == "raises":
            raise RuntimeError("no such file")
        good = self._version.answers(typed)
        if self._how == "shape":
            return good * 2
        computed: Answers = good[0].computed
        numbers = computed.prediction if computed.probabilities is None else computed.probabilities
        numbers[:] = np.nan if self._how == "nan" else np.inf
        return good


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("raises", "forest"),
        ("shape", "forest"),
        ("nan", "forest"),
        ("nan", "multiclass"),
        ("nan", "regression"),
        ("infinite", "regression"),
    ],
)
def test_a_candidate_that_fails_is_answered_for_in_the_same_request_and_stopped_after_three(
    canary_of: Make, how: str, kind: str
) -> None:
    canary = canary_of(("binary" if kind == "forest" else kind, kind))
    assert canary.ask(ROW)["version"] == 2
    candidate = canary.candidates.get(canary.champions.get("flats"), -1.0)  # type: ignore[arg-type]
    assert candidate is not None
    good = candidate.serving.batch.version
    candidate.serving.batch.version = _Broken(good, how)  # type: ignore[assignment]
    replies = canary.ask_all([rows(2), rows(2)])
    assert [reply["version"] for reply in replies] == [1, 1]
    candidate.serving.batch.version = good
    assert canary.ask(ROW)["version"] == 2, "two in a row do not stop it"
    candidate.serving.batch.version = _Broken(good, how)  # type: ignore[assignment]
    assert [reply["version"] for reply in canary.ask_all([rows(2)] * 3)] == [1, 1, 1]
    candidate.serving.batch.version = good
    assert canary.ask(ROW)["version"] == 1
    assert (canary.sums.faults, canary.sums.stopped) == (5, 1)
    assert canary.sums.rows == 2 + 2 * 5, "to the tests, a row of a fault is an answer that differs"
    assert evidence(canary.sums.wealth, PairedTest.SIZE) > 0, "two different rows failed, and one was answered alike"


def test_a_candidate_that_is_too_slow_for_a_request_is_refused_in_its_proof_and_holds_up_no_one(
    canary_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = canary_of()
    runs, computed = [0], ServedVersion._computed

    def slow(version: ServedVersion, rows: Any) -> Any:
        runs[0] += version.number == 2
        sleep(0.02 * (version.number == 2))
        return computed(version, rows)

    monkeypatch.setattr(ServedVersion, "_computed", slow)
    canary.candidates = Candidates(canary.store, ["flats"], slot=0, most_seconds=0.01)
    assert canary.candidates.load("flats") == Granted("flats", None)
    assert canary.sums.refused == 1, "a person is asked"
    assert {reply["version"] for reply in canary.ask_all([[row] for row in rows(20)])} == {1}
    assert runs[0] < 30, "a few slow answers of each look are enough"


def limit(canary: Canary, row_seconds: float, turn_seconds: float) -> None:
    """Let a turn have so much time for the candidate, which takes so long for a row as far as is known."""
    champion = canary.champions.get("flats")
    assert champion is not None
    candidate = canary.candidates.get(champion, -1.0)
    assert candidate is not None
    batch = TickBatch(candidate.serving.version, row_seconds, turn_seconds)
    candidate.serving = replace(candidate.serving, batch=batch)


def test_requests_at_once_wait_for_a_candidate_no_longer_than_a_turn_has_time(
    canary_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 20 ms for a row, and a turn has 100: at most five of 30 rows are computed twice."""
    canary = canary_of()
    runs, computed = list[int](), ServedVersion._computed

    def slow(version: ServedVersion, rows: Any) -> Any:
        if version.number == 2:
            runs.append(len(rows))
            sleep(0.02 * len(rows))
        return computed(version, rows)

    canary.ask(ROW)
    limit(canary, row_seconds=0.02, turn_seconds=0.1)
    monkeypatch.setattr(ServedVersion, "_computed", slow)
    replies = canary.ask_at_once([[row] for row in rows(30)])
    assert 0 < sum(reply["version"] == 2 for reply in replies) == sum(runs) <= 5
    assert (canary.sums.faults, canary.sums.rows) == (0, 1 + sum(runs)), "what is not computed is not compared"
    runs.clear()
    canary.ask(*rows(30))
    assert max(runs, default=0) <= 5, "a long request takes several turns"


def test_a_candidate_gets_slower_and_is_run_rarely(canary_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row takes 20 ms, and a turn has 10: after each run, refusals bring the next one closer by a tenth each."""
    canary = canary_of()
    runs, computed = [0], ServedVersion._computed

    def slow(version: ServedVersion, rows: Any) -> Any:
        runs[0] += version.number == 2
        sleep(0.02 * (version.number == 2))
        return computed(version, rows)

    assert canary.ask(ROW)["version"] == 2
    limit(canary, row_seconds=1e-4, turn_seconds=0.01)
    monkeypatch.setattr(ServedVersion, "_computed", slow)
    canary.ask_all([[row] for row in rows(32)])
    assert 2 <= runs[0] <= 5


def test_a_row_that_is_sent_again_is_no_more_evidence_than_once(canary_of: Make) -> None:
    canary = canary_of(share=0.0)
    canary.ask(ROW)
    once = canary.sums.wealth.copy()
    for _ in range(5):
        canary.ask(ROW, ROW)
    assert canary.sums.rows == 11
    np.testing.assert_array_equal(canary.sums.wealth, once)
    canary.ask(rows(2)[1])
    assert not np.array_equal(canary.sums.wealth, once)


def test_a_row_that_only_one_version_defers_does_not_confirm_that_answers_are_alike() -> None:
    same = AnswerChange(np.array([False]), np.array([0.0]), np.array([0.0]))
    alike, deferred = log_wealth(same, LIMITS), log_wealth(same, LIMITS, np.array([True]))
    assert evidence(alike, PairedTest.FEW_CHANGED) > 0 > evidence(deferred, PairedTest.FEW_CHANGED)
    assert evidence(alike, PairedTest.CHANGED) == evidence(deferred, PairedTest.CHANGED)


def test_an_entity_keeps_its_version_and_a_request_of_both_gets_the_champion(canary_of: Make) -> None:
    canary = canary_of(share=0.5, entity="flat", quota=10_000)
    first = [reply["version"] for reply in canary.ask_all([[row] for row in rows(40)])]
    assert set(first) == {1, 2}
    assert first == [reply["version"] for reply in canary.ask_all([[row] for row in rows(40)])]
    canary.let(share=0.8)
    wider = [reply["version"] for reply in canary.ask_all([[row] for row in rows(40)])]
    assert all(after >= before for before, after in zip(first, wider, strict=True))
    assert canary.ask(*rows(40))["version"] == 1
    assert (canary.sums.of_candidate, canary.sums.of_champion) == (first.count(2), first.count(1))


def test_requests_with_entities_of_both_versions_do_not_look_like_another_share(canary_of: Make) -> None:
    canary = canary_of(share=0.5, entity="flat", quota=10_000)
    alone = [reply["version"] for reply in canary.ask_all([[row] for row in rows(40)])]
    together = canary_of(share=0.5, entity="flat", quota=10_000)
    whole = rows(40)
    for first in range(40):
        together.ask(*whole[first:], *whole[:first])
    assert (together.sums.of_candidate, together.sums.of_champion) == (alone.count(2), alone.count(1))


def test_without_an_entity_chance_decides_and_not_an_id_that_a_client_chooses(canary_of: Make) -> None:
    """Of 40 draws at one half all are alike with a probability of 2^-39."""
    canary = canary_of(share=0.5)
    assert {canary.ask(ROW, ident="chosen")["version"] for _ in range(40)} == {1, 2}


def test_the_entities_of_a_share_are_chosen_with_a_secret(canary_of: Make) -> None:
    canary = canary_of(share=0.5, entity="flat", quota=10_000, salt="secret")
    answered = [reply["version"] for reply in canary.ask_all([[row] for row in rows(60)])]
    names = [str(row["flat"]) for row in rows(60)]
    assert answered == [1 + is_within(position(name, "secret"), 0.5) for name in names]
    assert answered != [1 + is_within(position(name, canary.grant.rollout), 0.5) for name in names]


def test_the_log_has_one_user_for_an_entity_however_its_name_is_written(canary_of: Make) -> None:
    canary = canary_of(share=0.5, entity="city", quota=10_000, salt="secret")
    for name in ("Bonn", " Bonn ", "Bonn", "", None):
        canary.ask(ROW | {"city": name})
    assert canary.users == [f"{position('Bonn', 'secret'):016x}"] * 3 + ["", ""], "where none is named, chance decides"
    canary.let(share=0.0)
    canary.ask(ROW | {"city": "Ulm"}, ROW | {"city": " Ulm", "flat": 8}, ROW | {"city": None, "flat": 9})
    assert canary.users[5:] == [*[f"{position('Ulm', 'secret'):016x}"] * 2, ""]


def test_a_grant_ends_by_itself_and_a_removed_one_at_once(canary_of: Make) -> None:
    canary = canary_of(not_after=clock.now().timestamp() - 1)
    assert canary.ask(ROW)["version"] == 1
    canary.let(not_after=clock.now().timestamp() + 3600)
    assert canary.ask(ROW)["version"] == 2
    canary.store.remove_grant("flats")
    assert canary.ask(ROW)["version"] == 1


def test_a_grant_far_into_the_future_is_still_only_a_lease(canary_of: Make) -> None:
    canary = canary_of(not_after=clock.now().timestamp() + 10**6)
    canary.ask(ROW)
    champion = canary.champions.get("flats")
    assert champion is not None
    assert canary.candidates.get(champion, 10**9) is None


@pytest.mark.parametrize("changes", [{"champion": "0" * 64}, {"candidate": "0" * 64}, {"protocol": 9}])
def test_a_grant_that_does_not_fit_lets_no_candidate_answer(canary_of: Make, changes: dict[str, Any]) -> None:
    canary = canary_of()
    canary.let(**changes)
    assert canary.ask(ROW)["version"] == 1


def test_a_grant_of_another_project_or_key_lets_no_candidate_answer(canary_of: Make) -> None:
    canary = canary_of(share=0.0)
    place = canary.store.root / "flats" / "rollout.json"
    (canary.store.root / "houses").mkdir()
    canary.store.write_grant(msgspec.structs.replace(canary.grant, project="houses", share=1.0), KEY)
    place.write_bytes((canary.store.root / "houses" / "rollout.json").read_bytes())
    assert canary.ask(ROW)["version"] == 1
    canary.store.write_grant(msgspec.structs.replace(canary.grant, share=1.0), Ed25519PrivateKey.generate())
    assert canary.ask(ROW)["version"] == 1


def test_an_older_grant_that_is_put_back_ends_the_share(canary_of: Make) -> None:
    canary = canary_of()
    old = (canary.store.root / "flats" / "rollout.json").read_bytes()
    canary.let(share=1.0)
    assert canary.ask(ROW)["version"] == 2
    (canary.store.root / "flats" / "rollout.json").write_bytes(old)
    assert canary.ask(ROW)["version"] == 1


def test_a_path_that_names_the_version_is_answered_by_that_version(canary_of: Make) -> None:
    canary = canary_of()
    kinds = {"area": "FP64", "rooms": "INT64", "garden": "BOOL"}
    tensors = [
        {"name": name, "datatype": kinds.get(name, "BYTES"), "shape": [1], "data": [value]}
        for name, value in ROW.items()
    ]
    for path, version in (("infer", "2"), ("versions/1/infer", "1")):
        assert canary.post({"inputs": tensors}, f"/v2/models/flats/{path}")["model_version"] == version


def test_only_one_service_writes_a_ledger(canary_of: Make) -> None:
    canary = canary_of()
    assert canary.ask(ROW)["version"] == 2
    assert Canary(canary.store, canary.grant).ask(ROW)["version"] == 1


def test_a_candidate_that_does_not_repeat_its_references_answers_nothing(canary_of: Make, packages: Packages) -> None:
    canary = canary_of(share=0.0)
    package, files = packages("forest", 2)
    other, _ = packages("binary", 1)
    broken = msgspec.structs.replace(package, references=other.references)
    digest = canary.store.add_package(broken, files, KEY)
    canary.let(candidate=digest, rollout="2-broken", share=1.0)
    assert canary.ask(ROW)["version"] == 1
    assert canary.sums.refused == 1


def test_a_ledger_of_an_earlier_leeway_is_read_and_continued(tmp_path: Path) -> None:
    path = ledger_path(tmp_path, "flats", "2-ab", 0)
    path.parent.mkdir(parents=True)
    path.write_bytes((Path(__file__).parent / "frozen" / "rollout_ledger_1.ledger").read_bytes())
    before = read_sums(tmp_path, "flats", "2-ab", 3)
    assert (before.rows, before.changed, before.spent, before.answers, before.busy_seconds) == (1000, 20, 7, 130, 0.0)
    assert before.wealth[4].tolist() == [9.25] * 8
    ledger = RolloutLedger(path)
    ledger.add("rows", 1)
    ledger.add_busy(2.5)
    ledger.close()
    after = read_sums(tmp_path, "flats", "2-ab", 3)
    assert (after.rows, after.spent, after.busy_seconds) == (1001, 7, 2.5)
    assert after.wealth.tolist() == before.wealth.tolist()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceError, match="damaged"):
        read_sums(tmp_path, "flats", "2-ab", 3)


def test_of_a_pause_between_requests_only_the_first_hour_is_time_with_requests(canary_of: Make) -> None:
    canary = canary_of(share=0.5)
    canary.ask(*rows(1))
    champion = canary.champions.get("flats")
    assert champion is not None
    candidate = canary.candidates.get(champion, -1.0)
    assert candidate is not None
    candidate.asked(1e9)
    began = canary.sums.busy_seconds
    for moment in (1e9 + 600, 1e9 + 600 + 10 * 3600):
        candidate.asked(moment)
    assert canary.sums.busy_seconds - began == pytest.approx(600 + 3600)
    canary.let(stage=canary.grant.stage + 1)
    canary.ask(*rows(1))
    assert canary.sums.busy_seconds == 0.0, "another stage has a time of its own"


def test_the_metrics_of_a_rollout_are_those_of_its_grant_and_of_all_workers(canary_of: Make) -> None:
    canary = canary_of(("regression", "linear"), quota=7, unit=0.5)

    def shown(seconds: float) -> dict[str, float]:
        lines = [line for line in rollout_lines(canary.store, ["flats", "houses"], seconds) if line[0] != "#"]
        return {line.split()[0]: float(line.split()[1]) for line in lines}

    canary.ask_all([[row] for row in rows(40)])
    sums, now = canary.sums, clock.now().timestamp()
    found = shown(now)
    of_flats = {name.split("{")[0]: value for name, value in found.items() if 'project="flats"' in name}
    assert of_flats == {
        "leeway_serve_rollout_share": 1.0,
        "leeway_serve_rollout_version": 2.0,
        "leeway_serve_rollout_stage": 1.0,
        "leeway_serve_rollout_rows": 40.0,
        "leeway_serve_rollout_changed": float(sums.changed),
        "leeway_serve_rollout_changed_sent": 7.0,
        "leeway_serve_rollout_quota_left": 0.0,
        "leeway_serve_rollout_faults": 0.0,
    }
    assert found['leeway_serve_rollout_share{project="houses"}'] == 0.0
    assert set(shown(now + 7200).values()) == {0.0}, "a grant that has ended is none"
