"""A spec that what is stored does not fit: one command brings it in line, and may be killed at any commit."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from flows.cli.project_facts import project_facts
from tasks.agreement import mismatches
from tasks.errors import DataError, SpecError
from tasks.lake import active_rows, kind_conflicts, read_entries, read_nights
from tasks.records import RetrainingEntry
from tests.end_to_end.fork_server import ForkServer
from tests.end_to_end.project_copies import FIRST, NEXT, NIGHT, Copy, cells, contender

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports

Copier = Callable[..., Copy]
KILLED = -signal.SIGKILL
TO_CATEGORIES = (("categories: [", "categories: [condition, "), ("    - condition # 1..5\n", ""))
TO_NUMBERS = (("zipcode] # digits", "] # digits"), ("    - bedrooms\n", "    - bedrooms\n    - zipcode\n"))


def changed_spec(it: Copy, *changes: tuple[str, str]) -> Copy:
    """Change the spec, and leave the expectations about these columns out of the suite, as a person would."""
    for old, new in changes:
        it.replace_in_spec(old, new)
    suite = it.where / "projects" / it.project / "expectations.json"
    content = json.loads(suite.read_text(encoding="utf-8"))
    content["expectations"] = [
        rule for rule in content["expectations"] if rule["kwargs"].get("column") not in {"zipcode", "condition"}
    ]
    suite.write_text(json.dumps(content), encoding="utf-8")
    return it


def land_night(it: Copy, night: str) -> None:
    it.land("sales", night, cells("sales", night))
    it.land("prices", night, cells("prices", night))


def predictions(it: Copy) -> pd.DataFrame:
    found = it.workspace.lake.read(it.project, "predictions", columns=["row_id", "prediction"])
    return found.sort_values("row_id", ignore_index=True)


def test_columns_of_another_kind_are_converted_once_and_the_champion_answers_as_before_until_the_next_is_approved(
    copy: Copier, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly
    from flows.retrain import retrain

    night = date.fromisoformat(NIGHT)
    fewer_rows = ("gate:\n", "gate:\n  min_rows: 100\n")
    before, it = copy("before"), changed_spec(copy("it", "kinds"), *TO_CATEGORIES, *TO_NUMBERS, fewer_rows)
    for each in (before, it):
        land_night(each, NIGHT)
    it.enter(monkeypatch)
    with pytest.raises(SpecError, match="`leeway migrate kinds` converts what is stored"):
        nightly(it.project, night)
    rows = active_rows(it.workspace.lake, it.project, "rows")
    deaths = (("commit", 2, "before"), ("commit", 2, "after"), ("commit", 3, "before"))
    for death in deaths:
        assert fork_server.run(it.command("migrate", it.project, die=death)) == [KILLED], fork_server.output()[-3000:]
    assert fork_server.run(it.command("migrate", it.project)) == [0], fork_server.output()[-3000:]
    (entry,) = read_entries(it.workspace.lake, it.project, "migration")
    assert (entry.action, entry.subject) == ("converted", "zipcode, condition")
    after = active_rows(it.workspace.lake, it.project, "rows")
    wanted = rows.assign(zipcode=rows["zipcode"].astype(float), condition=rows["condition"].map("{:.0f}".format))
    found, expected = (each.sort_values("row_id", ignore_index=True)[list(wanted)] for each in (after, wanted))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert kind_conflicts(it.workspace.lake, it.workspace.spec) == []
    assert nightly(it.project, night)["rows_in"] > 0
    outcome = retrain(it.project, night)
    assert "not compared" not in outcome["reason"]
    trained = read_entries(it.workspace.lake, it.project, "retraining")[-1]
    assert isinstance(trained, RetrainingEntry)
    assert trained.evidence["rows"] > 100, outcome
    before.enter(monkeypatch)
    nightly(before.project, night)
    pd.testing.assert_frame_equal(predictions(before), predictions(it))


def test_values_without_an_exact_one_stop_a_conversion_until_a_person_gives_them_up(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.migrate import Migration, migrate
    from flows.nightly import nightly

    it, night = copy("it", "inexact"), date.fromisoformat(NIGHT)
    changed_spec(it).enter(monkeypatch)
    header, *sales = cells("sales")
    at = header.index("zipcode")
    for row in sales[:2]:
        row[at] += "-A"
    it.land("sales", NIGHT, [header, *sales])
    nightly(it.project, night)
    changed_spec(it, *TO_NUMBERS)
    commit = it.workspace.lake.version(it.project, "rows")
    found = r"2 of [\d,]+ stored values of 'zipcode' have no exact value among numbers"
    with pytest.raises(DataError, match=found) as said:
        migrate(it.workspace, Migration())
    assert "-A' of row" in str(said.value)
    assert "`leeway migrate inexact --else-missing`" in str(said.value)
    assert it.workspace.lake.version(it.project, "rows") == commit
    (done,) = migrate(it.workspace, Migration(else_missing=True, reason="typing errors"))
    assert "2 without a value there (typing errors)" in done
    assert int(active_rows(it.workspace.lake, it.project, "rows")["zipcode"].isna().sum()) == 2
    assert migrate(it.workspace, Migration()) == []
    land_night(it, NEXT)
    assert nightly(it.project, date.fromisoformat(NEXT))["rows_in"] > 0


def test_a_label_of_another_name_stops_nights_until_a_person_says_that_it_means_the_same(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.migrate import Migration, migrate
    from flows.nightly import nightly

    it = copy("it", "relabelled")
    changed_spec(it).enter(monkeypatch)
    land_night(it, NIGHT)
    nightly(it.project, date.fromisoformat(NIGHT))
    suite = it.where / "projects" / it.project / "expectations.json"
    suite.write_text(
        suite.read_text(encoding="utf-8").replace('"column": "price"', '"column": "paid"'), encoding="utf-8"
    )
    changed_spec(it, ("column: price", "column: paid"))
    header, *prices = cells("prices", NEXT)
    it.land("sales", NEXT, cells("sales", NEXT))
    it.land("prices", NEXT, [["paid" if name == "price" else name for name in header], *prices])
    refused = "the label was 'price' and is 'paid'"
    with pytest.raises(SpecError, match=f"{refused}; `leeway migrate relabelled --same-label`"):
        nightly(it.project, date.fromisoformat(NEXT))
    with pytest.raises(DataError, match=f"{refused} now.*begin a project under another name"):
        migrate(it.workspace, Migration())
    (done,) = migrate(it.workspace, Migration(same_label=True, reason="the new system calls it so"))
    assert done == "the label 'price' is called 'paid' now, and means the same (the new system calls it so)"
    assert migrate(it.workspace, Migration(same_label=True)) == []  # once
    nightly(it.project, date.fromisoformat(NEXT))
    assert read_nights(it.workspace.lake, it.project)[-1].labels == len(prices)


@pytest.mark.parametrize("lost", ["the version", "the whole model"])
def test_a_champion_that_mlflow_has_lost_is_registered_again_from_the_lake_and_answers_as_before(
    copy: Copier, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    from flows.nightly import nightly
    from flows.promote import promote

    night = date.fromisoformat(NIGHT)
    before, it = copy("before", f"kept-{len(lost)}"), copy("it", f"lost-{len(lost)}")
    it.enter(monkeypatch)
    nightly(it.project, date.fromisoformat(FIRST))
    for each in (before, it):
        land_night(each, NIGHT)
    server = it.workspace.registry._server
    if lost == "the version":
        server.ask("delete_model_version", it.project, "1")
    else:
        server.ask("delete_registered_model_alias", it.project, "champion")
        server.ask("delete_registered_model", it.project)
    deaths = (("create_run", 1, "after"), ("create_model_version", 1, "after"), ("decisions", 1, "after"))
    for death in deaths:
        assert fork_server.run(it.command("restore", it.project, die=death)) == [KILLED], fork_server.output()[-3000:]
    assert fork_server.run(*[it.command("restore", it.project)] * 2, at_once=1) == [0, 0], fork_server.output()[-3000:]
    champion = it.workspace.champion()
    assert champion is not None
    assert it.workspace.registry.aliases(it.project) == {"champion": champion.number}
    (version,) = it.workspace.registry.versions(it.project)
    assert version.number == champion.number
    restored = [each for each in read_entries(it.workspace.lake, it.project, "promotion") if each.action == "restored"]
    assert len(restored) == 1
    assert mismatches(project_facts(it.workspace.spec, it.workspace.lake, it.workspace.registry)) == []
    assert promote(it.project, night)["action"] == "none"
    nightly(it.project, night)
    before.enter(monkeypatch)
    nightly(before.project, night)
    answers = [
        each.workspace.lake.read(each.project, "predictions", where=[("event_date", ">", date.fromisoformat(FIRST))])
        for each in (before, it)
    ]
    sides = [found.sort_values("row_id", ignore_index=True)[["row_id", "prediction"]] for found in answers]
    pd.testing.assert_frame_equal(sides[0], sides[1])


def test_a_renamed_project_keeps_its_history_its_champion_and_its_questions_wherever_it_was_interrupted(
    copy: Copier, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly

    before, it = copy("before", "stays"), copy("it", "old-name")
    projects = it.where / "projects"
    below = projects / "below"
    shutil.copytree(projects / "old-name", below)
    spec = (below / "project.yaml").read_text(encoding="utf-8").replace("project: old-name", "project: below", 1)
    (below / "project.yaml").write_text(f"{spec}\nupstream: [{{project: old-name, use: model}}]\n", encoding="utf-8")
    record = read_entries(it.workspace.lake, "old-name")
    for each in (before, it):
        land_night(each, NIGHT)
    deaths = (("decisions", 1, "after"), ("rename_experiment", 1, "before"), ("rename_registered_model", 1, "before"))
    for death in deaths:
        ended = fork_server.run(it.command("rename", "old-name", "new-name", die=death))
        assert ended == [KILLED], fork_server.output()[-3000:]
        name = "new-name" if (projects / "new-name").exists() else "old-name"
        replace(it, project=name).enter(monkeypatch)
        with pytest.raises(SpecError, match="`leeway rename old-name new-name`"):
            nightly(name, date.fromisoformat(NIGHT))
    assert fork_server.run(it.command("rename", "old-name", "new-name")) == [0], fork_server.output()[-3000:]
    renamed = replace(it, project="new-name")
    lake, registry = renamed.workspace.lake, renamed.workspace.registry
    assert sorted(path.name for path in (it.where / "home" / "lake").iterdir()) == ["new-name"]
    assert read_entries(lake, "new-name")[: len(record)] == record
    (entry,) = read_entries(lake, "new-name", "migration")
    assert (entry.action, entry.subject) == ("renamed", "new-name")
    assert registry.versions("old-name") == []
    assert registry.aliases("new-name") == {"champion": 1}
    assert "project: new-name, use: model" in (below / "project.yaml").read_text(encoding="utf-8")
    assert mismatches(project_facts(renamed.workspace.spec, lake, registry)) == []
    nights = []
    for each in (before, renamed):
        each.enter(monkeypatch)
        nights.append(nightly(each.project, date.fromisoformat(NIGHT)))
    assert [found["action"] for found in nights] == [nights[0]["action"]] * 2
    pd.testing.assert_frame_equal(predictions(before), predictions(renamed))
    taken = fork_server.run(it.command("rename", "new-name", "below"))
    assert taken == [1]
    assert "below is a project of its own" in fork_server.output()


def test_a_lake_of_an_older_backup_takes_in_again_what_it_lacks_and_promotes_again_what_was_approved(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly
    from flows.promote import promote

    it, night = copy("it", "older"), date.fromisoformat(NIGHT)
    it.enter(monkeypatch)
    nightly(it.project, date.fromisoformat(FIRST))
    lake, backup = it.where / "home" / "lake", it.where / "backup"
    shutil.copytree(lake, backup)
    approved = contender(it.workspace, "approved")
    it.workspace.registry.set_tag(it.project, approved, "approval", "approved")
    promote(it.project, night)
    land_night(it, NIGHT)
    first = nightly(it.project, night)
    wanted = active_rows(it.workspace.lake, it.project, "rows")
    shutil.rmtree(lake)
    shutil.copytree(backup, lake)
    found = mismatches(project_facts(it.workspace.spec, it.workspace.lake, it.workspace.registry))
    assert [each.found for each in found] == [f"MLflow has version {approved}, which the decision record does not name"]
    promote(it.project, night)
    again = nightly(it.project, night)
    assert (again["rows_in"], again["action"]) == (first["rows_in"], first["action"])
    champion = it.workspace.champion()
    assert champion is not None
    assert champion.number == approved
    restored = active_rows(it.workspace.lake, it.project, "rows")
    assert sorted(restored["row_id"]) == sorted(wanted["row_id"])
