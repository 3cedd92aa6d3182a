import json
import pickle
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest

from flows.steps.executor import AHEAD, Cluster, executor
from tasks.errors import DataError, SpecError, Unreachable
from tasks.spec import ProjectSpec
from tasks.spec.project_spec import Compute
from tasks.train import train

SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
        "split": {"folds": 2, "fold_days": 10},
        "training": {"min_rows": 100, "iterations": [5]},
    }
)
NO_SCHEDULER = Compute(backend="dask", address="tcp://127.0.0.1:1")
THREADS = 2


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    days = np.arange(600) // 6
    values = np.random.default_rng(0).normal(size=600)
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"a": values, "y": 3 * values + days / 50, "t": moments})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Yield a cluster over TCP with workers that are threads of this process."""
    from distributed import LocalCluster

    threads = {"n_workers": 1, "threads_per_worker": THREADS, "processes": False}
    with LocalCluster(**threads, protocol="tcp", host="127.0.0.1", dashboard_address=None) as made:
        yield made


@pytest.fixture
def leaving(cluster: Any) -> Iterator[Callable[[], None]]:
    """Give what makes the cluster's workers leave; others come afterwards."""
    yield lambda: cluster.scale(0)
    cluster.scale(1)


def at(cluster: Any) -> Compute:
    return Compute(backend="dask", address=cluster.scheduler_address)


def squared(number: int) -> int:
    return number * number


def refused(number: int) -> int:
    if number == 3:
        raise DataError("3 is refused")
    return number


def test_candidates_tried_on_two_dask_workers_give_the_same_leaderboard_to_the_digit(rows: pd.DataFrame) -> None:
    as_of = date(2026, 1, 1) + timedelta(days=100)
    here = train(rows, SPEC, as_of)
    with executor(Compute(backend="dask", workers=2)) as spread:
        there = train(rows, SPEC, as_of, spread=spread)
    assert json.dumps(there.leaderboard) == json.dumps(here.leaderboard)
    assert there.fitted.portable.file == here.fitted.portable.file


def test_results_come_in_the_order_of_the_work_and_few_of_them_wait(cluster: Any) -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(40):
            taken.append(number)
            yield number

    with executor(at(cluster)) as spread:
        found = iter(spread(squared, numbers()))
        assert next(found) == 0
        assert len(taken) == AHEAD * THREADS
        assert list(found) == [number * number for number in range(1, 40)]


def test_a_room_that_fails_on_a_worker_fails_with_its_own_error(cluster: Any) -> None:
    with executor(at(cluster)) as spread, pytest.raises(DataError, match="3 is refused"):
        list(spread(refused, range(9)))


def test_no_other_client_submits_work_to_a_cluster_that_is_started_here() -> None:
    from distributed import Client
    from distributed.security import Security

    cluster = Cluster(Compute(backend="dask", workers=1))
    try:
        assert list(cluster.mapped(str, (1, 2))) == ["1", "2"]
        address = cluster._local.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises((OSError, ValueError)):
            Client(address.replace("tls://", "tcp://"), timeout=3)
        with pytest.raises(OSError):  # noqa: PT011 - how the handshake fails differs by version
            Client(address, security=Security.temporary(), timeout=3)
        scheduler = cluster._local.scheduler
        pages = [
            scheduler.http_server.port,
            *(each["services"]["dashboard"] for each in scheduler.identity()["workers"].values()),
        ]
        for port in pages:
            for path in ("info/main/workers.html", "json/counts.json", "metrics", "health"):
                with pytest.raises(HTTPError, match="404"):
                    urlopen(f"http://127.0.0.1:{port}/{path}", timeout=3)
    finally:
        cluster.close()


def test_a_cluster_is_left_alone_unless_there_are_two_pieces_of_work() -> None:
    with executor(NO_SCHEDULER) as spread:
        assert list(spread(squared, [])) == []
        assert list(spread(squared, [3])) == [9]


def test_a_cluster_that_does_not_answer_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.steps.executor.CONNECT_SECONDS", 1)
    with executor(NO_SCHEDULER) as spread, pytest.raises(Unreachable, match="tcp://127"):
        list(spread(squared, range(2)))


def test_a_cluster_without_workers_is_worth_another_try(
    cluster: Any, leaving: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.steps.executor.CONNECT_SECONDS", 1)
    leaving()
    with executor(at(cluster)) as spread, pytest.raises(Unreachable, match="has no worker; start some"):
        list(spread(squared, range(2)))


def test_a_cluster_that_lost_its_last_worker_is_not_waited_for_without_end(
    cluster: Any, leaving: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.steps.executor.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("flows.steps.executor.ALONE_SECONDS", 0.3)
    with executor(at(cluster)) as spread:
        watching = threading.Thread(target=when_begun, args=(leaving,))
        watching.start()
        with pytest.raises(Unreachable, match="has had no worker for"):
            list(spread(held_up, range(9)))
        GO_ON.set()
        watching.join()


BEGUN, GO_ON = threading.Event(), threading.Event()


def when_begun(then: Callable[[], None]) -> None:
    BEGUN.wait(20)
    then()


def held_up(number: int) -> int:
    BEGUN.set()
    GO_ON.wait(20)
    return number


def test_an_error_says_the_same_after_a_journey() -> None:
    error = SpecError(["project.yaml:1: no such key", "project.yaml:2: neither"])
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own, a moment ago
    assert (str(again), again.faults) == (str(error), error.faults)
