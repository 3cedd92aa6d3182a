"""A bundle in C99 compiles without a warning, allocates nothing, and has every bit of its references."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.bundle import bundle_files
from tasks.bundle.bundle_plan import bundle_plan
from tasks.bundle.c_program.c_files import c_files
from tasks.bundle.c_program.c_pattern import TooLongError, pattern_tables
from tasks.bundle.c_program.c_values import c_text
from tasks.bundle.runtime_files import needed_lines, runtime_file
from tasks.compact import COMPACT_FILE
from tasks.model import ModelSchema, export_model
from tasks.model.input_matrix import input_matrix
from tests.unit.bundle.bundles import KINDS, answering, bundled_kind, files_of, random_rows
from tests.unit.bundle.hostile import hostile_version, with_references
from tests.unit.serve.packages import package_of, rows_of_flats, schema_of, write_suite

CC = shutil.which("cc") or "cc"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-O1")


def compiled(folder: Path, files: dict[str, bytes], *sources: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    names = sources or ("model.c", "selftest.c")
    subprocess.run([CC, *STRICT, "-o", "program", *names, "-lm"], cwd=folder, check=True, timeout=120)
    return folder / "program"


def said_by(program: Path) -> tuple[int, str]:
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_generated_rows_have_the_bits_of_python(kind: str, tmp_path: Path) -> None:
    bundled = bundled_kind(kind, "c")
    bundle = answering(bundled)
    references = [
        {"row": row, "found": bundle.found(row)} for row in random_rows(1500 if kind == "regression" else 300)
    ]
    files = c_files(bundled, bundle_plan(bundled, compact=True), references)
    code, text = said_by(compiled(tmp_path, files))
    assert (code, re.sub(r"\d{3,}", "N", text)) == (0, "flats version 1: N reference rows, every bit the same\n")
    assert int(re.findall(r"(\d+) reference", text)[0]) > len(references) / 2
    assert not re.search(rb"\b(malloc|calloc|realloc|free|fopen|getenv)\b", files["model.c"])


def test_one_differing_bit_of_a_table_or_a_reference_is_found(tmp_path: Path) -> None:
    files = files_of("regression", "c")
    assert said_by(compiled(tmp_path, files))[0] == 0
    changes = {
        "model.c": (rb"(tree_leaf\[\] = \{\s+-?0x1\.[0-9a-f]{12})([0-9a-f])", "reference row -1 "),
        "selftest.c": (rb"(NULL, \{-?0x1\.[0-9a-f]{12})([0-9a-f])", "reference row "),
    }
    for name, (pattern, said) in changes.items():
        changed = re.sub(pattern, lambda found: found[1] + b"%x" % (int(found[2], 16) ^ 1), files[name], count=1)
        assert changed != files[name]
        code, text = said_by(compiled(tmp_path, {**files, name: changed}))
        assert (code, said in text) == (1, True)


MAIN = """
#include <stdio.h>
#include "model.h"
static struct leeway_answer answer;
static int asked(const struct leeway_row *row, int year, int month, int day)
{
    return (int)leeway_answer_row(row, leeway_day(year, month, day), &answer);
}
int main(void)
{
    struct leeway_row row = leeway_no_values();
    int status = asked(&row, 2026, 11, 30);
    printf("%d %s %s\\n", status, answer.reason, answer.column);
    row.area = 71.5, row.rooms = 3, row.city = " Bonn\\342\\200\\203", row.day = "2026-02-03";
    status = asked(&row, 2026, 11, 30);
    printf("%d %.17g %d\\n", status, answer.prediction, answer.deferred);
    status = asked(&row, 2027, 5, 29);
    printf("%d %d", status, answer.prediction != answer.prediction && answer.deferred);
    printf(" %d\\n", asked(&row, 2026, 11, 28));
    row.built = "2026-02-30";
    status = asked(&row, 2026, 11, 30);
    printf("%d %s %s\\n", status, answer.reason, answer.column);
    row.built = "2026-02-28T09:30:00Z";
    status = asked(&row, 2026, 11, 30);
    printf("%d %s\\n", status, answer.reason);
    row.built = NULL, row.area = 1e300 * 1e300;
    status = asked(&row, 2026, 11, 30);
    printf("%d %s\\n", status, answer.reason);
    return 0;
}
"""


def test_a_program_has_the_answer_or_the_reason_why_there_is_none(tmp_path: Path) -> None:
    program = compiled(tmp_path, {**files_of("linear", "c"), "main.c": MAIN.encode()}, "model.c", "main.c")
    row = {"flat": 1, "area": 71.5, "rooms": 3, "city": "Bonn", "day": "2026-02-03"}
    found = answering(bundled_kind("linear", "c")).found(row)
    assert said_by(program)[1].splitlines() == [
        "3 expect_column_values_to_not_be_null area",
        f"0 {found['prediction']:.17g} 0",
        "2 1 2",
        "3 not_a_time built",
        "3 not_a_time",
        "3 not_finite",
    ]


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    for kind in ("multiclass", "linear"):
        bundled = hostile_version(kind, "c")
        plan, references, _ = with_references(bundled)
        files = c_files(bundled, plan, references)
        assert b"attacked = 1" not in b"".join(files.values())
        assert said_by(compiled(tmp_path / kind, files))[0] == 0


def test_rules_of_a_text_that_the_model_does_not_read_compile(tmp_path: Path) -> None:
    schema = replace(schema_of(), categories={})
    area = rows_of_flats()
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), Ridge())
    model = export_model(pipeline.fit(input_matrix(area, schema), area["area"].to_numpy()), schema)
    city = {"column": "city"}
    texts: list[tuple[str, dict[str, Any]]] = [
        ("expect_column_values_to_not_be_null", city),
        ("expect_column_value_lengths_to_be_between", {**city, "min_value": 4}),
        ("expect_column_values_to_match_regex", {**city, "regex": "^[A-Z]"}),
    ]
    for number in range(len(texts) + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_suite(folder, texts[:number])
        package, files = package_of(folder, model)
        bundled = bundled_kind(
            "linear",
            "c",
            package=package,
            schema=ModelSchema.from_json(files["schema.json"]),
            model=files[COMPACT_FILE],
        )
        assert said_by(compiled(folder, bundle_files("c", bundled, b"")))[0] == 0


def test_the_readme_says_who_repeats_the_references() -> None:
    said = {form: " ".join(files_of("linear", form)["README.txt"].decode().split()) for form in ("c", "python")}
    always = "A bundle answers only after it has repeated its reference rows"
    assert [always in text for text in said.values()] == [False, True]
    assert "leeway_answer_row does not repeat the reference rows by itself: leeway_selftest() does" in said["c"]


PATTERNS = (
    *(r"^98\d{3}$", "(ab|a.)+-[^x-z]", "^a?b*$", "", r"\W", r"[^\W\d]{2,3}$", "^(a|bc?)+-", "a{0,2}c|^$", r"[\d_-]$"),
)
TEXTS = (
    "98101",
    "9810",
    "ab-a",
    "aa-x",
    "abb",
    "",
    "\u00e4\u00df1",
    "\u0663\u0664",
    "b c",
    "x\n",
    "aac",
    "\U0001f600-",
    "bc-",
)
SEARCHES = """
#include <stdio.h>
static const struct entry texts[] = {%s};
int main(void)
{
    struct cell cell = {1, 0, NULL, 0};
    for (int i = 0; i < %d; i++) {
        cell.text = texts[i].text, cell.length = texts[i].length;
        %s
        putchar('\\n');
    }
    return 0;
}
"""


def test_patterns_are_found_as_python_finds_them(tmp_path: Path) -> None:
    asked = "".join(
        f"putchar(is_found({name}, (int)(sizeof {name} / sizeof {name}[0]), {name}_range, &cell) ? '1' : '0');"
        for name in (f"p{number}" for number in range(len(PATTERNS)))
    )
    tables = [text for number, pattern in enumerate(PATTERNS) for text in pattern_tables(f"p{number}", pattern)]
    runtime = "\n".join(needed_lines(runtime_file("model_runtime.c"), {"pattern"}))
    search = runtime[runtime.index("/* Return the character of UTF-8") : runtime.index("@generated@")]
    entries = ", ".join(f"{{{c_text(text)}, {len(text.encode())}}}" for text in TEXTS)
    declared = (
        "#include <stdint.h>\n#include <string.h>\n#define STEPS 200\n"
        "enum { CHARACTER, SPLIT, JUMP, BEGIN, END, MATCH };\nstruct step { int kind, a, b; };\n"
        "struct cell { int present; double number; const char *text; size_t length; };\n"
        "struct entry { const char *text; size_t length; };\n"
    )
    code = declared + "\n".join(tables) + search + SEARCHES % (entries, len(TEXTS), asked)
    found = said_by(compiled(tmp_path, {"search.c": code.encode()}, "search.c"))[1].splitlines()
    assert found == ["".join("01"[re.search(pattern, text) is not None] for pattern in PATTERNS) for text in TEXTS]


def test_a_pattern_that_is_too_long_for_a_device_is_refused() -> None:
    with pytest.raises(TooLongError):
        pattern_tables("p", "(a{1000}){3}")
