"""The story of screen-inspection comes true: broken pictures refuse their rows, new lamps are found and learned."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worked_stories import contents, landed_history, project_script

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult
    from tasks.lake import Lake
    from tasks.spec import ProjectSpec

FOLDER = Path(__file__).parents[2] / "deployments" / "screen-inspection"
HISTORY, CHANGE, LAST = date(2026, 4, 20), date(2026, 5, 4), date(2026, 6, 12)
MOMENT = datetime(2026, 6, 12, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Story:
    spec: ProjectSpec
    lake: Lake
    result: BacktestResult


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy
    from flows.backtest.trainer import BacktestTrainer
    from flows.demo.worked_projects import worked_project
    from tasks.lake import Lake
    from tasks.spec import read_spec

    spec = read_spec(FOLDER / "project.yaml")
    lake = Lake(str(tmp_path_factory.mktemp("screens")))
    history = landed_history(spec, FOLDER, lake, LAST)
    trainer = BacktestTrainer(history, FOLDER)
    answers = worked_project("screen-inspection").answers
    return Story(spec, lake, run_backtest(Strategy("policy", spec), trainer, HISTORY, answers=answers))


def test_the_script_makes_the_landing_again_to_the_same_bytes(tmp_path: Path) -> None:
    project_script(FOLDER).main(tmp_path)
    made, kept = (contents(folder) for folder in (tmp_path, FOLDER / "landing"))
    assert made == kept
    assert sum(map(len, kept.values())) < 2_000_000


@pytest.mark.parametrize("kind", range(5))
def test_a_picture_with_any_filter_of_its_lines_is_read(kind: int) -> None:
    """A flat picture of level 9 has, after the filters (left, up, mean, Paeth), differences that are known by hand."""
    import struct
    import zlib

    import numpy as np

    maker, features, side = project_script(FOLDER, "make_landing"), project_script(FOLDER, "features"), 16
    lines = np.zeros((side, side + 1), np.uint8)
    lines[:, 0] = kind
    first = {0: [9] * side, 1: [9] + [0] * 15, 2: [9] * side, 3: [9] + [5] * 15, 4: [9] + [0] * 15}[kind]
    later = {0: [9] * side, 1: [9] + [0] * 15, 2: [0] * side, 3: [5] + [0] * 15, 4: [0] * side}[kind]
    lines[0, 1:], lines[1:, 1:] = first, later
    flat = maker.png(np.full((side, side), 9, np.uint8))
    packed = zlib.compress(lines.tobytes())
    start = flat.index(b"IDAT") - 4
    body = b"IDAT" + packed
    content = flat[:start] + struct.pack(">I", len(packed)) + body + struct.pack(">I", zlib.crc32(body)) + flat[-12:]
    assert (features.grey(content) == 9).all()


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, which runs the JavaScript")
def test_the_browser_measures_every_picture_to_the_same_bits() -> None:
    features = project_script(FOLDER, "features")
    pictures = sorted((FOLDER / "landing/screens/pictures").rglob("*.png"))[::7]
    script = (
        f"import {{grey, measures}} from {(FOLDER / 'features.mjs').as_uri()!r};\n"
        "import {readFileSync} from 'node:fs';\n"
        "const paths = JSON.parse(readFileSync(0)), found = [];\n"
        "for (const path of paths) found.push(measures(await grey(new Uint8Array(readFileSync(path)))));\n"
        "console.log(JSON.stringify(found));\n"
    )
    said = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        input=json.dumps([str(path) for path in pictures]), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert json.loads(said.stdout) == [features.measures(features.grey(path.read_bytes())) for path in pictures]


def test_the_page_with_a_picture_runs_its_own_two_scripts_only() -> None:
    made, features = project_script(FOLDER, "picture_page"), "export const grey = 1;\n"
    page = made.with_picture("script-src 'sha256-A='; style-src\n<form id=\"form\" novalidate>\n</body>\n", features)
    assert page.startswith("script-src 'sha256-")
    assert page.count("'sha256-") == 2
    script = page.partition('<script type="module">')[2].partition("</script>")[0]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in page
    with pytest.raises(ValueError, match="found no page of a bundle"):
        made.with_picture("<form>", features)


@pytest.mark.timeout(900)
def test_three_broken_pictures_refuse_three_rows(story: Story) -> None:
    from tasks.lake import active_rows, deliveries

    refused = story.lake.read("screen-inspection", "quarantine")
    assert sorted(refused["reasons"]) == ["feature_function", "file_digest:picture", "file_missing:picture"]
    rows = active_rows(story.lake, "screen-inspection", "rows", deliveries(story.lake, "screen-inspection"))
    assert len(rows) == 2_797
    assert rows["brightness"].notna().all()


def test_nothing_is_said_before_the_new_lamps(story: Story) -> None:
    before = [decision for decision in story.result.decisions if decision.night <= CHANGE]
    assert len(before) == 6
    assert {(decision.action, decision.kind) for decision in before} == {("score", "none")}


def test_the_new_lamps_are_found_at_once_in_what_is_made_of_the_pictures(story: Story) -> None:
    found = next(decision for decision in story.result.decisions if decision.action != "score")
    assert (found.night - CHANGE).days <= 4
    assert any("features of the project's function" in one.reason for one in story.result.decisions)
    assert not any(story.result.quarantined.values())


def test_it_is_retrained_and_does_no_harm_from_then_on(story: Story) -> None:
    passed = [training for training in story.result.retrainings if training.passed]
    assert len(passed) == 1
    assert (passed[0].night - CHANGE).days <= 28
    after = [one for one in story.result.decisions if one.night > passed[0].night]
    assert {one.action for one in after} <= {"score", "hold"}
    served = story.result.served.dropna(subset="label")
    error = (served["label"] - served["prediction"]) ** 2
    new = error[served["event_date"] >= CHANGE].groupby(served["version"]).mean()
    assert new[2] < new[1] / 2
