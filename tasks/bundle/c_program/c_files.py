"""The files of a bundle in C: the model with its runtime, their header, and a test with the reference rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tasks.bundle.bundle_plan import BundledVersion
from tasks.bundle.c_program.c_answer import PARTS, finish_code, inputs_code
from tasks.bundle.c_program.c_pattern import KINDS
from tasks.bundle.c_program.c_rows import CRows, c_rows, reading_code, row_struct
from tasks.bundle.c_program.c_tables import CTables, c_tables
from tasks.bundle.c_program.c_values import c_number, c_text
from tasks.bundle.packed_model import packed_model
from tasks.bundle.runtime_files import needed_lines, runtime_file
from tasks.row_contract.cell_values import LONGEST_TEXT, CellFaultError
from tasks.row_contract.row_reader import cells
from tasks.row_contract.row_rules import check_of

MODEL, HEADER, SELFTEST = "model.c", "model.h", "selftest.c"
EPOCH = date(1970, 1, 1)
NEVER = "LONG_MAX"


def c_files(
    bundled: BundledVersion, plan: Mapping[str, Any], references: Sequence[Mapping[str, Any]]
) -> dict[str, bytes]:
    """Return the files of a bundle in C.

    Raises
    ------
    DataError
        A rule of the contract cannot be checked in C.
    """
    rows, tables = c_rows(bundled.contract, bundled.schema), c_tables(packed_model(bundled.model, bundled.leaf))
    files = {
        MODEL: _model(bundled, plan, rows, tables),
        HEADER: _header(bundled, plan, rows, tables),
        SELFTEST: _selftest(bundled, plan, rows, references),
    }
    return {name: text.encode("ascii") for name, text in files.items()}


def _model(bundled: BundledVersion, plan: Mapping[str, Any], rows: CRows, tables: CTables) -> str:
    generated = "\n".join([
        reading_code(rows, bundled.contract),
        inputs_code(bundled.schema, plan, rows),
        finish_code(plan["answer"], bundled.contract.degree, rows),
    ])  # fmt: skip
    limits = (
        f"#define CELLS {len(rows.kinds)}\n#define INPUTS {len(bundled.schema.inputs)}\n"
        f"#define MADE_ON {_days(bundled.made_on)}L\n"
        f"#define STALE_ON {NEVER if bundled.stale_on is None else f'{_days(bundled.stale_on)}L'}\n"
    )
    if "texts" in rows.needs:
        limits += f"#define LONGEST {LONGEST_TEXT}\n"
    if "pattern" in rows.needs:
        limits += (
            f"#define STEPS {rows.most_steps}\nenum {{ {', '.join(KINDS)} }};\nstruct step {{ int kind, a, b; }};\n"
        )
    if "parts" in rows.needs:
        limits += f"enum {{ {', '.join(part.upper() for part in PARTS)} }};\n"
    entry = "struct entry {\n    const char *text;\n    size_t length;\n};\n\n" if "places" in rows.needs else ""
    names = c_array_of_texts("leeway_classes", plan["answer"]["classes"]) if plan["answer"]["classes"] else ""
    parts = {
        "tables": "\n".join([limits, tables.text, entry, *rows.tables, names]),
        "generated": generated,
        "hashes": tables.hashes,
    }
    lines = needed_lines(runtime_file("model_runtime.c"), rows.needs | tables.needs)
    return "#include <limits.h>\n" + "\n".join(parts.get(line.strip("@"), line) for line in lines) + "\n"


def c_array_of_texts(name: str, texts: Sequence[str]) -> str:
    """Return the definition of an array of texts that other files may read.

    >>> print(c_array_of_texts("names", ["a", "b"]))
    const char *const names[] = {"a", "b"};
    <BLANKLINE>
    """
    return f"const char *const {name}[] = {{{', '.join(map(c_text, texts))}}};\n"


def _header(bundled: BundledVersion, plan: Mapping[str, Any], rows: CRows, tables: CTables) -> str:
    package, classes = bundled.package, plan["answer"]["classes"]
    several = f"    double probabilities[{len(classes)}];\n" if classes else ""
    return f"""#ifndef LEEWAY_MODEL_H
#define LEEWAY_MODEL_H

#define LEEWAY_PROJECT {c_text(package.project)}
#define LEEWAY_VERSION {package.version}
#define LEEWAY_SERIAL {bundled.serial}LL

/* A row; begin with leeway_no_values(). Texts are read while leeway_answer_row runs, and not kept. */
struct leeway_row {{
{row_struct(rows)}}};

enum leeway_status {{
    LEEWAY_ANSWERED, /* the prediction counts */
    LEEWAY_DEFERRED, /* a person decides: the model is unsure; an assistant's prediction is a proposal */
    LEEWAY_STALE,    /* a person decides: the bundle is out of date, or the clock is wrong */
    LEEWAY_REFUSED   /* the row breaks its contract: see reason and column */
}};

struct leeway_answer {{
    double prediction; /* NAN where a person decides without it; of several classes the number of the chosen one */
    double confidence; /* higher is more certain */
    int deferred;
    int unsure;
    int decision;       /* of classes */
    const char *reason; /* of the first fault of a refused row */
    const char *column;
    double sums[{tables.outputs}]; /* of the model, before anything is rounded */
{several}}};
{f"{chr(10)}extern const char *const leeway_classes[{len(classes)}];{chr(10)}" if classes else ""}
struct leeway_row leeway_no_values(void);

/* Answer a row. `today` is leeway_day(year, month, day), in UTC. The reference rows are not repeated here: call
 * leeway_selftest() once before, and use no answer unless it returned 0. */
enum leeway_status leeway_answer_row(const struct leeway_row *row, long today, struct leeway_answer *answer);

long leeway_day(int year, int month, int day);

/* Return whether no bit of the tables of the model has changed. */
int leeway_is_whole(void);

/* Return 0 if every reference row is answered as it was where the bundle was made; else the number of the first one
 * that is not, from 1 on, or -1 if the tables have changed. It is in selftest.c. */
int leeway_selftest(void);

#endif
"""


def _selftest(
    bundled: BundledVersion, plan: Mapping[str, Any], rows: CRows, references: Sequence[Mapping[str, Any]]
) -> str:
    shown = "".join(_reference(row, rows) for row in _typed(bundled, rows, references))
    parts = {
        "rows": shown.rstrip(),
        "today": str(_days(bundled.made_on)),
        "tolerance": c_number(plan["answer"]["tolerance"]),
        "shown": "1" if bundled.contract.degree != "partial" else "!answer.unsure",
    }
    text = runtime_file("selftest_runtime.c")
    return (
        "\n".join(parts[line.strip("@")] if line == "@rows@" else _filled(line, parts) for line in text.splitlines())
        + "\n"
    )


def _filled(line: str, parts: Mapping[str, str]) -> str:
    for name in ("today", "tolerance", "shown"):
        line = line.replace(f"@{name}@", parts[name])
    return line


def _typed(
    bundled: BundledVersion, rows: CRows, references: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[dict[str, Any], Mapping[str, Any] | str]]:
    """Yield typed rows with what is found for them, or the rule that refuses them.

    Rows that C cannot have are left out: a cell of another type, or a fault of a column that it does not read.
    """
    readers = [(name, read) for name, read, _ in cells(bundled.contract) if name in rows.kinds]
    rules = [(rule, check_of(rule)) for rule in bundled.contract.rules]
    for reference in references:
        try:
            values = {name: read(reference["row"].get(name)) for name, read in readers}
        except CellFaultError:
            continue
        broken = next((rule.rule for rule, check in rules if not check(values)), None)
        if broken is not None:
            yield values, broken
        elif "refused" not in reference["found"]:
            yield values, reference["found"]


def _reference(typed: tuple[dict[str, Any], Mapping[str, Any] | str], rows: CRows) -> str:
    values, found = typed
    row = ", ".join(f".{rows.members[name]} = {_literal(value, rows.kinds[name])}" for name, value in values.items())
    if isinstance(found, str):
        return f"    {{{{{row}}}, {c_text(found)}, {{0}}, 0, 0, 0}},\n"
    sums = ", ".join("NAN" if value is None else c_number(value) for value in found["sums"])
    prediction = "NAN" if found["prediction"] is None else c_number(found["prediction"])
    return f"    {{{{{row}}}, NULL, {{{sums}}}, {prediction}, {int(found['unsure'])}, {found['decision']}}},\n"


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return {"number": "NAN", "boolean": "-1"}.get(kind, "NULL")
    if kind == "boolean":
        return str(int(value))
    if isinstance(value, datetime):
        return c_text(value.isoformat())
    return c_number(value) if kind == "number" else c_text(value)


def _days(day: date) -> int:
    return (day - EPOCH).days
