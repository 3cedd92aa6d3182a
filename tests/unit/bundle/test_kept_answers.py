"""A queue keeps each answer of a bundle once, as a line of the prediction log, whatever ends its process."""

from __future__ import annotations

import json
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.bundle.runtimes.answer_queue import OPEN, AnswerQueue, hand_over
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.row_contract import RowRefused
from tasks.row_contract.compiled_contract import contract_digest
from tasks.serve.served_version import ServedVersion
from tasks.serving_store.logged_rows import inputs_digest, logged_answers, numbers_of, same_numbers
from tests.unit.bundle.bundles import KINDS, answering, bundled_kind, packaged_kind, random_rows, written
from tests.unit.bundle.test_python_bundle import ALONE
from tests.unit.serve.packages import ROW

MOMENT = datetime(2026, 12, 24, 8, 30, tzinfo=UTC)
STALE = datetime(2028, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_answer_is_the_line_that_the_service_would_log(kind: str, tmp_path: Path) -> None:
    package, files = packaged_kind(kind)
    served = ServedVersion(package, files)
    queue, rows = AnswerQueue(answering(bundled_kind(kind, row_label="price")), tmp_path), list[dict[str, object]]()
    for row in random_rows(60):
        try:
            queue.answer(row, MOMENT)
            rows.append(row)
        except RowRefused:
            continue
    (path,) = queue.close()
    assert path.name.startswith("2026-12-24-20261224T083000.000000Z-17-")
    kept, lines = logged_answers(path.read_bytes()), path.read_bytes().splitlines()
    assert len({answer.request for answer in kept}) == len(rows) > 40
    for row, answer, text in zip(rows, kept, lines, strict=True):
        typed = served.reader.read(row)
        asked, inputs, computed, place, _ = served.answers([typed])[0]
        wanted = (computed.score[place], computed.prediction[place], computed.confidence[place])
        pairs = zip(numbers_of(answer.bits), wanted, strict=True)
        assert all(same_numbers(one, float(other), answer.rounding) for one, other in pairs)
        assert (answer.rounding == 0) == (kind == "linear")
        assert (answer.inputs, answer.unsure) == (inputs_digest(inputs[place]), bool(computed.unsure[place]))
        assert (answer.row_id, answer.time) == (asked["id"], MOMENT.isoformat())
        assert (answer.version, answer.digest, answer.serial) == (1, package.version_digest, 17)
        assert (answer.contract, answer.arm) == (contract_digest(package.row_contract), "none")
        columns = json.loads(text)
        del columns["@answer"]
        assert columns == {name: row.get(name) for name in served.columns} | {"price": None}


def test_a_row_of_a_stale_bundle_was_not_answered_and_is_not_kept(tmp_path: Path) -> None:
    queue = AnswerQueue(answering(bundled_kind("linear")), tmp_path)
    assert queue.answer(ROW, STALE)["stale"]
    assert queue.close() == []


@settings(max_examples=20)
@given(kept=st.integers(0, 3), cut=st.floats(0, 1))
def test_what_a_killed_process_has_left_is_handed_over_without_the_line_that_it_was_writing(
    kept: int, cut: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    queue = AnswerQueue(answering(bundled_kind("linear")), folder)
    for number in range(kept + 1):
        queue.answer(ROW | {"flat": number}, MOMENT)
    (open_file,) = folder.glob(f"{OPEN}*")
    content = open_file.read_bytes()
    assert hand_over(folder) == [], "it is being written to"
    assert queue._file is not None
    queue._file.close()  # as the kernel does for a process that was killed
    *whole, last = content.splitlines(keepends=True)
    left = b"".join(whole) + last[: int(cut * (len(last) - 1))]
    open_file.write_bytes(left)
    files = hand_over(folder)
    assert [path.read_bytes() for path in files] == ([b"".join(whole)] if whole else [])
    assert hand_over(folder) == files
    assert sorted(folder.iterdir()) == files


def test_processes_with_one_folder_keep_apart_and_a_new_file_follows_one_that_was_handed_over(tmp_path: Path) -> None:
    bundle = answering(bundled_kind("linear"))
    one, two = AnswerQueue(bundle, tmp_path), AnswerQueue(bundle, tmp_path)
    for number in range(4):
        (one, two)[number % 2].answer(ROW | {"flat": number}, MOMENT)
    first = one.close()
    assert len(first) == 1, "the other one is still written to"
    one.answer(ROW | {"flat": 4}, MOMENT)
    files = {*one.close(), *two.close()}
    answers = [answer.row_id for path in files for answer in logged_answers(path.read_bytes())]
    assert (len(files), sorted(answers)) == (3, [f"{number}|2026-02-03" for number in range(5)])


def test_no_answer_is_given_that_a_full_disk_cannot_keep(tmp_path: Path) -> None:
    folder, kept = written(tmp_path, "linear", "python"), tmp_path / "kept"
    rows = "\n".join(json.dumps(ROW | {"flat": number}) for number in range(30))
    command = shlex.join([*ALONE, str(folder / "leeway.py"), "answer", "--keep", str(kept)])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 4; {command}"], input=rows, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr.startswith("error: [Errno")) == (1, True)
    given = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    handed = subprocess.run(
        [*ALONE, str(folder / "leeway.py"), "hand-over", str(kept)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (path,) = map(Path, handed.stdout.splitlines())
    assert [answer.row_id for answer in logged_answers(path.read_bytes())] == given
    assert 0 < len(given) < 30


def test_a_function_of_lambda_keeps_the_answers_of_a_request_together(tmp_path: Path) -> None:
    folder, kept = written(tmp_path, "binary", "lambda"), tmp_path / "kept"
    code = f"""
import os, sys
sys.path.insert(0, {str(folder)!r})
os.environ["LEEWAY_ANSWERS"] = {str(kept)!r}
from lambda_function import handler
row = {ROW!r}
handler({{"rows": [row, row | {{"flat": 8}}]}})
handler({{"rows": [row | {{"flat": 9}}, row | {{"area": "big"}}]}})
"""
    subprocess.run([*ALONE, "-B", "-c", code], check=True, timeout=60)
    (path,) = hand_over(kept)
    assert [answer.row_id for answer in logged_answers(path.read_bytes())] == ["7|2026-02-03", "8|2026-02-03"]
    assert Bundle.open(folder).answer(ROW)["deferred"] == logged_answers(path.read_bytes())[0].unsure
