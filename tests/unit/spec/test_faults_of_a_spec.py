from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.errors import SpecError
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import LARGEST_BYTES, MOST, parse_spec, read_spec

GOOD = """\
project: houses
scope:
  owner: pricing
  objective: Suggest a price.
  metric: mean_absolute_error
source:
  uri: landing
  id: [sale]
  event_time: date
  label:
    column: price
features:
  numbers: [area, rooms]
  categories: [zip]
"""


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as refused:
        parse_spec(text, "houses/project.yaml")
    return refused.value.faults


def test_a_good_spec_is_read_with_its_defaults() -> None:
    spec = parse_spec(GOOD, "houses/project.yaml")
    assert spec.features.columns == ["area", "rooms", "zip"]
    assert spec.gate.confidence == 0.95
    assert ProjectSpec.model_validate(spec.model_dump()) == spec


def test_an_unknown_key_names_the_known_ones_and_the_nearest() -> None:
    assert faults(GOOD + "split:\n  holdout_day: 3\n") == [
        (
            "houses/project.yaml:16: unknown key 'holdout_day' in split; known: holdout_days, folds, fold_days, group; "
            "did you mean 'holdout_days'?"
        )
    ]


def test_a_key_in_the_wrong_block_is_reported_where_it_belongs() -> None:
    (fault,) = faults(GOOD + "evidence_days: 3\n")
    assert fault.startswith("houses/project.yaml:15: unknown key 'evidence_days' in the spec; known: project, scope")
    assert fault.endswith("'evidence_days' belongs in gate")


def test_every_fault_is_reported_at_once_with_its_own_line() -> None:
    text = GOOD.replace("  owner: pricing\n", "") + (
        "gate:\n  slices: [zip, 3, colour]\n  min_rows: 3\nmonitoring:\n  window_days: abc\n  treshold: 1\nsplit:\n"
    )
    assert faults(text) == [
        "houses/project.yaml:2: missing key 'owner' in scope: Who is responsible for this model: a name or an address.",
        (
            "houses/project.yaml:15: gate.slices[1]: found 3 (a whole number), expected text of 1 to 128 characters; "
            "put it in quotes"
        ),
        "houses/project.yaml:16: gate.min_rows: found 3 (a whole number), expected a whole number >= 10",
        "houses/project.yaml:18: monitoring.window_days: found 'abc' (text), expected a whole number >= 1",
        *[fault for fault in faults(text) if "treshold" in fault],
        (
            "houses/project.yaml:20: split: found nothing, expected a block of keys: holdout_days, folds, fold_days, "
            "group; leave the key out to use its default"
        ),
    ]


def test_a_fault_in_a_list_over_several_lines_has_the_line_of_its_item() -> None:
    assert faults(GOOD + "training:\n  iterations:\n    - 100\n    - many\n    - -1\n") == [
        "houses/project.yaml:18: training.iterations[1]: found 'many' (text), expected a whole number >= 1 and <= 5000",
        (
            "houses/project.yaml:19: training.iterations[2]: found -1 (a whole number), "
            "expected a whole number >= 1 and <= 5000"
        ),
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("gate: {confidence: 1}", "gate.confidence: found 1 (a whole number), expected a number > 0.5 and < 1"),
        ("gate: {confidence: '0.9'}", "gate.confidence: found '0.9' (text), expected a number > 0.5 and < 1"),
        ("gate: {min_rows: true}", "gate.min_rows: found true (true or false), expected a whole number >= 10"),
        ("gate: {min_rows: 20.5}", "gate.min_rows: found 20.5 (a number), expected a whole number >= 10"),
        ("gate: {max_size_mb: 1e999}", "gate.max_size_mb: found inf (a number), expected a number > 0"),
        ("gate: {slices: zip}", "found 'zip' (text), expected a list, each text of 1 to 128 characters; write [a, b]"),
        ("training: {iterations: []}", "found an empty list, expected a list of at least 1, each a whole number >= 1"),
        ("training: {task: binry}", "expected one of regression, binary, multiclass; did you mean 'binary'?"),
        ("training: 3", "training: found 3 (a whole number), expected a block of keys: task, target_scale"),
        ("notifications: {to: 'env:X'}", "notifications: found a block of keys, expected a list, each a block of keys"),
        ("schedule: {nightly: every night}", "schedule.nightly: found 'every night'; expected five cron fields"),
        ("schedule: {nightly: '99 2 * * *'}", "schedule.nightly: found '99 2 * * *'; expected five cron fields"),
        ("schedule: {nightly: '0 0 2 * * *'}", "schedule.nightly: found '0 0 2 * * *'; expected five cron fields"),
        ("schedule: {time_zone: Berlin}", "schedule.time_zone: found 'Berlin'; expected an IANA time zone"),
    ],
)
def test_a_wrong_value_is_reported_what_was_found_and_what_was_expected(written: str, message: str) -> None:
    (fault,) = faults(GOOD + written + "\n")
    assert fault.startswith("houses/project.yaml:15: ")
    assert message in fault


def test_no_word_of_the_validator_reaches_a_person() -> None:
    text = GOOD + "gate: {min_rows: a}\nsplit: 3\ntraining: {iterations: {}}\nprivacy: {key: 3}\nextra: 1\n"
    message = "\n".join(faults(text))
    assert not re.search(r"pydantic|Input should|Value error|type=|_type|instance of|dictionary", message)


def test_a_secret_is_never_repeated() -> None:
    (fault,) = faults(GOOD + "notifications:\n  - to: mailtos://user:hunter2@example.org\n")
    assert fault.startswith("houses/project.yaml:16: notifications[0].to: expected a reference such as 'env:")
    assert "hunter2" not in fault


def test_a_flood_of_faults_is_cut_short() -> None:
    message = faults(GOOD + "".join(f"key{number}: 1\n" for number in range(500)))
    assert len(message) == MOST + 1
    assert message[0].startswith("houses/project.yaml:15: unknown key 'key0'")
    assert message[-1] == f"houses/project.yaml: and more; only the first {MOST} are shown"


def test_the_file_is_named_as_it_was_given_and_its_folder_is_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("houses", "flats"):
        Path(folder).mkdir()
        Path(folder, "project.yaml").write_text(GOOD, encoding="utf-8")
    assert read_spec("houses/project.yaml").project == "houses"
    with pytest.raises(SpecError) as refused:
        read_spec(Path("flats/project.yaml"))
    assert refused.value.faults == [
        "flats/project.yaml:1: project is 'houses', but its folder is 'flats'; rename one: both are its name"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "houses/project.yaml:1: the file is empty"),
        (b"# only a comment\n", "houses/project.yaml:1: the file is empty"),
        (b"project: a\nscope: \xff\n", "houses/project.yaml:2: found a byte that is not UTF-8"),
        (b"a" * (LARGEST_BYTES + 1), "houses/project.yaml: larger than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_spec_is_refused(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("houses").mkdir()
    Path("houses/project.yaml").write_bytes(content)
    with pytest.raises(SpecError, match=re.escape(message)):
        read_spec("houses/project.yaml")


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is a folder; expected a project"):
        read_spec(tmp_path)
    with pytest.raises(SpecError, match="does not exist; expected a project"):
        read_spec(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match=r"does not exist|cannot be read"):
        read_spec("a\0b")


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    path = tmp_path / "houses" / "project.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_spec(path).project == "houses"


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("use: accuracy", "found 'accuracy'; expected roc_auc, pr_auc"),
        ("use: pinball_loss", "`at` is None; expected a share between 0 and 1"),
        ("use: recall_at_precision, at: 1", "`at` is 1.0; expected a share between 0 and 1"),
        ("use: recall_at_k, at: 0.5", "`at` is 0.5; expected a whole number of at least 1"),
        ("use: r2, at: 2", "it takes no `at`; take it out"),
        ("use: 'money:profit'", "say with `higher_is_better` whether a higher value is better"),
        ("use: r2, higher_is_better: true", "it is known which value is better; take `higher_is_better` out"),
    ],
)
def test_a_metric_says_what_it_needs(metric: str, said: str) -> None:
    (fault,) = faults(f"{GOOD}metrics:\n  - {{{metric}}}\n")
    assert fault.startswith("houses/project.yaml:16: metrics[0]")
    assert said in fault
