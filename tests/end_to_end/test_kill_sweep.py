"""Kill -9 at every commit of a night, of a retraining and of a promotion: the next run ends as if nothing had happened.

Every run is a process of its own on a copy of one trained project.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tasks.lake import read_entries, read_nights
from tasks.registry.mlflow_names import KEY
from tests.end_to_end.fork_server import ForkServer
from tests.end_to_end.invariants import contents, invariants
from tests.end_to_end.project_copies import NIGHT, Copy, cells, changed, contender, first_cells
from tests.web_hook import web_hook

KILLED = -signal.SIGKILL
WRITES_OF_A_PROMOTION = 7  # at least: the record, two aliases and the one removed, two tags, the report
COMMITS = (
    *("leases", "rows", "labels", "quarantine", "rows", "predictions", "batches"),  # an earlier batch's rows again
    *("quarantine", "batches"),  # what no contract knows is quarantined
    *("profiles", "predictions", "profiles", "decisions", "leases"),  # then the profiles of what was quarantined
)
WHOLE = os.environ.get("LEEWAY_SWEEP") == "whole"
WHEN = ("before", "after") if WHOLE else ("after",)
EVERY = 1 if WHOLE else 2  # of a night's commits, and of a promotion's writes
TIMEOUT_SECONDS = 3600 if WHOLE else 300
HALF = 257  # of the 515 sales that landed on the night
Copier = Callable[..., Copy]
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of third parties' own imports
    pytest.mark.timeout(TIMEOUT_SECONDS),
]


def eventful(it: Copy) -> Copy:
    """Let land what exercises every table.

    A delivery with three broken rows; one with basements in another unit, which no contract knows; a correction of
    some rows of the first delivery, in a file of its own; and labels.
    """
    header, *sales = cells("sales")
    it.land("sales", NIGHT, changed([header, *sales[:HALF]], "sqft_living", lambda area: area * 1000, slice(3)))
    it.land("sales", "2014-07-12", changed([header, *sales[HALF:]], "sqft_basement", lambda area: area * 1000))
    first, *earlier = first_cells("sales")
    it.land("sales", "2014-07-13", changed([first, *earlier[-40:]], "sqft_lot", lambda area: area + 1))
    it.land("prices", NIGHT, cells("prices"))
    return it


def test_a_night_killed_at_any_commit_ends_as_an_undisturbed_one(
    copy: Copier, fork_server: ForkServer, tmp_path: Path
) -> None:
    """LEEWAY_SWEEP=whole kills at every commit, before and after it; between two commits are a page and a metric."""
    plain, commits = eventful(copy("undisturbed")), tmp_path / "commits"
    points = [("commit", number, when) for number in range(1, len(COMMITS) + 1, EVERY) for when in WHEN]
    struck = {point: eventful(copy("-".join(map(str, point)))) for point in points}
    killed = fork_server.run(plain.job(commits=str(commits)), *(it.job(die=point) for point, it in struck.items()))
    assert killed == [0, *[KILLED] * len(points)], fork_server.output()[-3000:]
    wanted = contents(plain.workspace.lake, plain.project)
    assert tuple(commits.read_text(encoding="utf-8").split()) == COMMITS
    assert {table for table, rows in wanted.items() if not rows} == {"features", "repeats"}
    invariants(plain.workspace)
    for it in struck.values():
        invariants(it.workspace, whole=False)
    assert fork_server.run(*(it.job() for it in struck.values())) == [0] * len(points), fork_server.output()[-3000:]
    for point, it in struck.items():
        assert contents(it.workspace.lake, it.project) == wanted, point
        invariants(it.workspace)


def test_what_lands_after_a_night_was_decided_is_decided_on_even_when_the_run_that_took_it_in_was_killed(
    copy: Copier, fork_server: ForkServer
) -> None:
    header, *sales = cells("sales")
    it = copy("decided-before")
    it.land("sales", NIGHT, [header, *sales[:HALF]])
    assert fork_server.run(it.job()) == [0], fork_server.output()[-3000:]
    it.land("prices", NIGHT, cells("prices"))
    it.land("sales", "2014-07-12", [header, *sales[HALF:]])
    assert fork_server.run(it.job(die=("batches", 1, "after"))) == [KILLED], fork_server.output()[-3000:]
    assert fork_server.run(it.job(), it.job()) == [0, 0], fork_server.output()[-3000:]
    nights = [entry for entry in read_nights(it.workspace.lake, it.project) if entry.night.isoformat() == NIGHT]
    assert [entry.rows for entry in nights] == [HALF, len(sales)]
    invariants(it.workspace)


def with_channel(it: Copy, *events: str) -> Copy:
    """Send messages about events to the address in TEAM."""
    spec = it.where / "projects" / it.project / "project.yaml"
    channel = f"\nnotifications:\n  - {{to: 'env:TEAM', on: [{', '.join(events)}], remind_days: 365}}\n"
    spec.write_text(spec.read_text(encoding="utf-8") + channel, encoding="utf-8")
    return it


@pytest.mark.parametrize(
    ("flow", "kind", "event", "expected"),
    [("nightly", "night", "quarantine", "basement"), ("retrain", "retraining", "approval", "version 1")],
)
def test_what_was_recorded_is_published_by_the_next_run_when_its_own_was_killed_before_it_could(
    copy: Copier, fork_server: ForkServer, flow: str, kind: str, event: str, expected: str
) -> None:
    it = eventful(copy("it")) if flow == "nightly" else copy("it", "unpublished", champion=False)
    with_channel(it, event)
    with web_hook() as (address, taken):
        environment = {"env": {**it.environment, "TEAM": address}}
        assert fork_server.run({**it.job(flow, die=("decisions", 2, "after")), **environment}) == [KILLED]
        recorded = read_entries(it.workspace.lake, it.project, "night", "retraining")[-1]
        assert (recorded.kind, recorded.night.isoformat(), taken) == (kind, NIGHT, [])
        for _ in range(2):
            assert fork_server.run({**it.job(flow), **environment}) == [0], fork_server.output()[-3000:]
        (message,) = taken
    assert expected in message["title"] + message["message"]
    report = it.workspace.lake.get(it.project, "report.html")
    assert report is not None
    assert NIGHT in report.decode()


def test_a_retraining_killed_between_any_of_its_writes_puts_up_one_version(
    copy: Copier, fork_server: ForkServer
) -> None:
    """Each project is killed again and again, so that the last run finds what all of them left."""
    deaths = {
        "undisturbed": (),
        "killed-early": (("log_artifacts", 1, "after"), ("create_model_version", 1, "after")),
        "killed-late": (("set_registered_model_alias", 1, "after"), ("decisions", 1, "before")),
    }
    found = {name: copy(name, f"retrained-{name}", champion=False) for name in deaths}
    for turn in range(2):
        dying = [it.job("retrain", die=deaths[name][turn]) for name, it in found.items() if deaths[name]]
        assert fork_server.run(*dying) == [KILLED] * len(dying), fork_server.output()[-3000:]
    assert fork_server.run(*(it.job("retrain") for it in found.values())) == [0] * len(found), fork_server.output()[
        -3000:
    ]
    models, records = [], []
    for it in found.values():
        workspace = it.workspace
        (version,) = workspace.registry.versions(it.project)
        assert version.aliases == ("challenger",)
        runs = workspace.registry._runs
        assert len(runs.with_tag(runs.experiment(it.project), KEY, version.tags[KEY])) == 1
        models.append(hashlib.sha256(workspace.registry.fetch(version)["model.onnx"]).hexdigest())
        (entry,) = [
            each for each in read_entries(workspace.lake, it.project, "retraining") if each.night.isoformat() == NIGHT
        ]
        records.append((entry.action, entry.subject, entry.name))
    assert len(set(models)) == 1
    assert set(records) == {("registered", "version 1", f"by-hand/{NIGHT}")}
    again = found["killed-late"]
    assert fork_server.run(again.job("retrain")) == [0]
    assert len(again.workspace.registry.versions(again.project)) == 1


def test_a_promotion_killed_between_any_of_its_writes_is_completed_by_the_next(
    copy: Copier, fork_server: ForkServer
) -> None:
    it = copy("it", "promoted-killed")
    workspace = it.workspace
    for number in count(1, EVERY):
        before = workspace.registry.aliases(it.project)["champion"]
        approved = contender(workspace, f"contender-{number}")
        ended = fork_server.run(it.job("promote", die=("*", number, "after")))
        if ended == [0]:  # it has fewer writes than that
            break
        assert ended == [KILLED], (number, fork_server.output()[-3000:])
        serving = it.workspace.champion()
        assert serving is not None
        assert serving.number in {before, approved}
        assert fork_server.run(it.job("promote")) == [0], fork_server.output()[-3000:]
        assert workspace.registry.aliases(it.project) == {"champion": approved, "previous": before}
        promoted = [
            each.subject for each in read_entries(workspace.lake, it.project, "promotion") if each.action == "promoted"
        ]
        assert promoted.count(f"version {approved}") == 1
        invariants(workspace, whole=False)
    assert number > WRITES_OF_A_PROMOTION
