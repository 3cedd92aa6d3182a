"""The command of a bundle: `leeway.py selftest` proves it on this machine, and `answer` answers the lines of its input.

`answer --keep FOLDER` keeps each answer too, and `hand-over FOLDER` prints the files that `leeway bundle --land` takes.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # no signature covers what Python would keep in __pycache__

import json  # noqa: E402 - after what no module may be compiled without
from collections.abc import Callable  # noqa: E402 - the same
from pathlib import Path  # noqa: E402 - the same

from tasks.bundle.runtimes.answering_bundle import Bundle  # noqa: E402 - the same
from tasks.bundle.runtimes.bundle_content import BundleError  # noqa: E402 - the same
from tasks.row_contract.row_reader import RowRefused  # noqa: E402 - the same

USAGE = "usage: python3 FOLDER/leeway.py selftest | answer [--keep ANSWERS] < rows.jsonl | hand-over ANSWERS"


def main(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    try:
        match arguments:
            case ["selftest"]:
                bundle = _bundle()
                count = len(bundle.references)
                said = f"{bundle.project} version {bundle.version}: {count} reference rows, every bit the same\n"
                sys.stdout.write(said)
            case ["answer"]:
                _answer_lines(_bundle().answer)
            case ["answer", "--keep", folder]:
                from tasks.bundle.runtimes.answer_queue import AnswerQueue  # it locks files, which Windows cannot

                _answer_lines(AnswerQueue(_bundle(), folder).answer)
            case ["hand-over", folder]:
                from tasks.bundle.runtimes.answer_queue import hand_over

                sys.stdout.write("".join(f"{path}\n" for path in hand_over(folder)))
            case _:
                sys.stderr.write(f"{USAGE}\n")
                return 2
    except (BundleError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _bundle() -> Bundle:
    return Bundle.open(Path(__file__).parent)


def _answer_lines(answer: Callable[[dict[str, object]], dict[str, object]]) -> None:
    for line in sys.stdin.buffer:
        try:
            shown = answer(_row(line))
        except RowRefused as refusal:
            shown = {"refused": [fault._asdict() for fault in refusal.faults]}
        except (ValueError, RecursionError) as error:
            shown = {"refused": [{"reason": "not_a_row", "column": "", "expected": f"a JSON object ({error})"}]}
        sys.stdout.write(f"{json.dumps(shown)}\n")


def _row(line: bytes) -> dict[str, object]:
    row = json.loads(line.decode())
    if not isinstance(row, dict):
        raise ValueError("found another value")  # noqa: TRY004 - as a text that is no JSON at all
    return row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
