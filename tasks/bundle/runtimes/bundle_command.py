"""`leeway.py selftest` proves a bundle on this machine; `leeway.py answer` answers the JSON lines of its input."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # no signature covers what Python would keep in __pycache__

import json  # noqa: E402 - after what no module may be compiled without
from pathlib import Path  # noqa: E402 - the same

from tasks.bundle.runtimes.answering_bundle import Bundle, BundleError  # noqa: E402 - the same
from tasks.row_contract.row_reader import RowRefused  # noqa: E402 - the same

USAGE = "usage: python3 FOLDER/leeway.py selftest | answer < rows.jsonl"


def main(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    if arguments not in (["selftest"], ["answer"]):
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        bundle = Bundle.open(Path(__file__).parent)
    except BundleError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if arguments == ["selftest"]:
        count = len(bundle.references)
        sys.stdout.write(f"{bundle.project} version {bundle.version}: {count} reference rows, every bit the same\n")
        return 0
    for line in sys.stdin.buffer:
        try:
            shown = bundle.answer(_row(line))
        except RowRefused as refusal:
            shown = {"refused": [fault._asdict() for fault in refusal.faults]}
        except (ValueError, RecursionError) as error:
            shown = {"refused": [{"reason": "not_a_row", "column": "", "expected": f"a JSON object ({error})"}]}
        sys.stdout.write(f"{json.dumps(shown)}\n")
    return 0


def _row(line: bytes) -> dict[str, object]:
    row = json.loads(line.decode())
    if not isinstance(row, dict):
        raise ValueError("found another value")  # noqa: TRY004 - as a text that is no JSON at all
    return row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
