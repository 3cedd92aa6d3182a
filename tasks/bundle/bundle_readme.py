"""The text that a bundle has for those who use it."""

from __future__ import annotations

from tasks.bundle.bundle_plan import BundledVersion

USE = {
    "python": """
Needs Python 3.11 or newer and a time zone database (on Windows, the package tzdata); nothing else is installed.

    python3 FOLDER/leeway.py selftest
    python3 FOLDER/leeway.py answer < rows.jsonl

    import sys; sys.path.insert(0, "FOLDER")
    from leeway_bundle import Bundle
    bundle = Bundle.open("FOLDER")              # repeats the reference rows, or raises BundleError
    bundle.answer({...})                        # raises RowRefused, with `faults`

Answers that come back to Leeway (Linux and macOS):

    python3 FOLDER/leeway.py answer --keep ANSWERS < rows.jsonl
    python3 FOLDER/leeway.py hand-over ANSWERS  # prints the files to send, for `leeway bundle PROJECT --land`

    from leeway_queue import AnswerQueue
    queue = AnswerQueue(bundle, "ANSWERS")      # queue.answer({...}) keeps, queue.close() hands over
""",
    "browser": """
index.html is a page that needs no server and no network: open it. In an application of your own:

    import {openBundle} from "./leeway.mjs";
    const text = await (await fetch("bundle.leeway")).text();
    const model = openBundle(text);             // repeats the reference rows, or throws an Error
    model.answer({...});                        // throws a RowRefused, with `faults`
""",
    "c": """
C99 without malloc, threads or files; strings belong to the caller. Link with -lm.

    cc -std=c99 -Wall -Wextra -Werror -o selftest model.c selftest.c -lm && ./selftest

    if (leeway_selftest() != 0)                 /* once, before the first row: repeats the reference rows */
        return 1;                               /* this device answers otherwise: use no answer */
    struct leeway_row row = leeway_no_values();
    struct leeway_answer answer;
    enum leeway_status status = leeway_answer_row(&row, leeway_day(2026, 11, 30), &answer);

model.h has the columns of a row. In a program with a main of its own, compile selftest.c with -DLEEWAY_NO_MAIN. Do not
use -ffast-math.
""",
    "onnx": """
Needs Python 3.11 or newer, numpy and onnxruntime. bundle.leeway says how rows become inputs of model.onnx.

    python3 FOLDER/leeway.py selftest
    python3 FOLDER/leeway.py answer < rows.jsonl
""",
    "lambda": """
Zip the files of this folder, and use the runtime python3.11 or newer with the handler lambda_function.handler.
An event, or the body of an HTTP request, is {"row": {...}} or {"rows": [...]}. The variable LEEWAY_ANSWERS may name a
folder that outlives the function, where answers are kept for `leeway bundle PROJECT --land`.

    (cd FOLDER && zip -q ../function.zip *)
""",
}
PURPOSE = """{project} version {version}: {objective}

Bundle {serial} for {form}, made on {made_on}, {until}.
{use}
A row that the model is unsure of has no prediction and is deferred: a person decides. {stale}
{intervals}{smaller}{proof}

Who made it: `leeway bundle --verify FOLDER` compares the signature with the keys of a home. Of two bundles of a
project, the one with the larger serial is newer.

The runtime is licensed under Apache-2.0 (LICENSE). The model and its reference rows are those of their owner.
"""
NO_INTERVALS = (
    "Predictions have no intervals (lower, upper) here: the service and the nightly batch answer with them.\n"
)
PROOF = "A bundle answers only after it has repeated its reference rows: sums with every bit, and every decision."
PROOF_IN_C = """leeway_answer_row does not repeat the reference rows by itself: leeway_selftest() does, sums with
every bit, and every decision. Call it on the device, before any row."""


def bundle_readme(form: str, bundled: BundledVersion) -> bytes:
    """Return the text of README.txt."""
    stale_on = bundled.stale_on
    text = PURPOSE.format(
        project=bundled.package.project,
        version=bundled.package.version,
        objective=" ".join(bundled.objective.split()),
        serial=bundled.serial,
        form=form,
        made_on=bundled.made_on,
        until="without an end" if stale_on is None else f"out of date from {stale_on} on",
        proof=PROOF_IN_C if form == "c" else PROOF,
        use=USE[form].rstrip(),
        intervals="" if bundled.schema.interval is None else NO_INTERVALS,
        smaller=f"It has {bundled.smaller} instead of the whole model.\n" if bundled.smaller else "",
        stale="" if stale_on is None else f"From {stale_on} on, so is every row.",
    )
    return text.encode()
