"""A damaged file is refused with its fault, and never read out of its bounds."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tasks.compact import CompactEvaluator, linear_file
from tasks.errors import EvidenceError
from tests.unit.compact.random_models import Shape, random_file

NATIVE = Path(__file__).parents[3] / "tasks" / "compact" / "native"
MUTATIONS = 3_000  # of each file
LOOPS_SECONDS = 120
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-g", "-O1")
SANITIZED = (*STRICT, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FILES = {
    "small trees": random_file(Shape(trees=3, leaves=9, columns=3, codes=9, thresholds=9), 1),
    "two words of leaves": random_file(Shape(trees=2, leaves=64, columns=2), 2),
    "large trees": random_file(Shape(trees=2, leaves=90, outputs=2), 3),
    "leaves for all outputs": random_file(Shape(trees=3, leaves=5, outputs=3, whole_leaves=True, finish="mean"), 4),
    "sums of floats": random_file(Shape(trees=3, leaves=5, is_single=True), 5),
    "linear": linear_file(np.arange(6.0).reshape(2, 3), np.ones(2), "exp"),
}
SOUND = FILES["small trees"]


def with_word(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + struct.pack("<I", value) + content[at + 4 :]


def leaf_count(content: bytes) -> int:
    return int(struct.unpack_from("<I", content, 32)[0])


def tree_leaves(content: bytes) -> int:
    """Return where the count of leaves of the first tree is: after start, points, leaves and two ends a column."""
    columns, outputs, _, _, leaves, width, points, _ = struct.unpack_from("<8I", content, 16)
    return int(64 + 8 * (outputs + points + leaves * width) + 2 * (-(-columns // 2) * 8))


DAMAGED = {
    "it does not begin as": b"",
    "does not begin as a": b"LEEWAYXX" + SOUND[8:],
    "its protocol is unknown": with_word(SOUND, 8, 3),
    "its kind is unknown": SOUND[:12] + b"\x03" + SOUND[13:],
    "the width of its indices": SOUND[:14] + b"\x03" + SOUND[15:],
    "too many columns": with_word(SOUND, 16, 0),
    "too many outputs": with_word(SOUND, 20, 2**31),
    "it is too large": with_word(SOUND, 24, 2**32 - 1),
    "contradict each other": with_word(SOUND, 28, 0),
    "do not fit its outputs": with_word(SOUND, 36, 7),
    "its size is not": SOUND[:-8],
    "size is not what": SOUND + bytes(8),
    "the reserved part": with_word(SOUND, 60, 1),
    "how it rounds its sums is unknown": with_word(SOUND, 48, 1),
    "its sums is unknown": with_word(FILES["sums of floats"], 48, 2),
    "a leaf is not finite": SOUND[:64] + struct.pack("<d", np.nan) + SOUND[72:],
    "do not ascend": SOUND[:72] + struct.pack("<d", 1e9) + SOUND[80:],
    "a linear model has no trees": with_word(FILES["linear"], 24, 1),
    "a tree has too few or too many leaves": with_word(SOUND, tree_leaves(SOUND), leaf_count(SOUND)),
    "a tree has too few": with_word(SOUND, tree_leaves(SOUND), 0),
    "a weight is not finite": FILES["linear"][:-8] + struct.pack("<d", np.inf),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_file_is_refused_with_its_fault(fault: str) -> None:
    with pytest.raises(EvidenceError, match=f"the compact model of 'demo' cannot be read: .*{fault}"):
        CompactEvaluator(DAMAGED[fault], "demo")


def test_a_file_that_ends_anywhere_is_refused() -> None:
    for size in range(len(SOUND)):
        with pytest.raises(EvidenceError):
            CompactEvaluator(SOUND[:size], "demo")


def test_no_damage_makes_the_evaluator_read_or_compute_what_it_must_not(tmp_path: Path) -> None:
    """AddressSanitizer and UndefinedBehaviorSanitizer end the program at the first fault."""
    program = tmp_path / "mutated_files"
    sources = [str(NATIVE / name) for name in ("read.c", "plan.c", "plan_rows.c", "row.c", "score.c")]
    main = str(Path(__file__).with_name("mutated_files.c"))
    built = subprocess.run(
        ["gcc", *SANITIZED, f"-I{NATIVE}", main, *sources, "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    paths = []
    for name, content in FILES.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    command = [str(program), str(MUTATIONS), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LOOPS_SECONDS)
    assert done.returncode == 0, done.stderr
    refused, accepted = map(int, done.stdout.split())
    assert refused + accepted == MUTATIONS * len(FILES)
    assert min(refused, accepted) > MUTATIONS / 10  # changed leaves are accepted
