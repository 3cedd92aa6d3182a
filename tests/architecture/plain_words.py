"""Refuses archaic words in code, messages and documents; `make check` runs it.

Text is written as the scikit-learn, Prefect or dbt documentation would write it. Names count as text, so that a word
refused in a docstring does not survive as a variable. A room that still has such words is listed in `BASELINE` with
their number; the number may only shrink (`--shrink` writes the present counts where they are lower).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BASELINE = Path(__file__).with_name("plain_words_baseline.txt")
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".html", ".j2", ".css", ".js", ".sh", ".ini", ".example"}
NAMES = {"Makefile", "Dockerfile", "Procfile"}
EXEMPT = ("LICENSE", "tests/architecture/plain_words.py", "tests/architecture/test_plain_words.py")
DEEP = {"tests/unit", "tests/properties"}  # their folders are rooms of their own

ALLOWED = {
    ("flows/cli/app.py", "beside"): "the old name of an option, which still works",
    ("tests/cli/test_help_and_errors.py", "beside"): "the test of that name",
}
SUGGESTIONS = {
    r"lest": "so that ... not; in case",
    r"anew|afresh": "again; new",
    r"once more": "again",
    r"whoever": "the caller, the user: name the role",
    r"whose": "with; of which; of the",
    r"whom|whomever": "who; name the role",
    r"nobody|nobody's": "no one; no user: name the role",
    r"somebody|somebody's|everybody": "someone; everyone: name the role",
    r"told": "reported; given; known",
    r"tells|tell of|telling of": "reports; shows; distinguishes",
    r"speaks? of|spoke of|spoken of": "mentions",
    r"beside|besides": "next to; with; in addition to",
    r"aside": "quarantined; separately; except for",
    r"comes? to|came to|coming to": "results in; becomes; is",
    r"stands|stood|stand (?:in|on|for|beside|there)|standing (?:in|on|for|beside)": "is; represents; replaces",
    r"lies|lie (?:in|on|beside|within|between)|lay (?:in|on)|lying (?:in|on)|laid": "is; is stored; is placed",
    r"goes by|gone by|went by": "passes; follows",
    r"in vain": "without effect",
    r"at hand": "available",
    r"bears|borne": "has; carries",
    r"upon": "on",
    r"shall": "must; will",
    r"nought|naught": "zero; nothing",
    r"whence|whither|wherein|whereby|whereupon|whereof": "from which; where; in which",
    r"thence|therein|thereof|thereupon|thereby|hence|henceforth|hitherto|forthwith|withal": "so; of it; from now on",
    r"ere|nay|amiss|betwixt|amid|unto|thrice|albeit|aught|alas": "a common word",
}
_GAP = r"[\s#]+"  # two words may be on two lines of a comment
_WORDS = {
    re.compile(rf"(?<![a-z])(?:{pattern.replace(' ', _GAP)})(?![a-z])", re.IGNORECASE): advice
    for pattern, advice in SUGGESTIONS.items()
}


class Finding(NamedTuple):
    """An archaic word: its file relative to the project, its line from 1, itself, and what to write instead."""

    path: str
    line: int
    word: str
    advice: str

    def __str__(self) -> str:
        """Return the finding as editors and CI logs link it."""
        return f"{self.path}:{self.line}: {self.word!r}; write: {self.advice}"


def findings_in(path: str, text: str) -> list[Finding]:
    """Return the archaic words of a text, in the order of its lines.

    Examples
    --------
    >>> print(*findings_in("a.py", "# rows whose label\\n# came\\n# to nothing"), sep="\\n")
    a.py:1: 'whose'; write: with; of which; of the
    a.py:2: 'came to'; write: results in; becomes; is
    >>> findings_in("a.py", "understands, leeway, besiege, unto_ld")[0].word
    'unto'

    """
    found = [
        Finding(path, text.count("\n", 0, match.start()) + 1, re.sub(_GAP, " ", match[0]), advice)
        for pattern, advice in _WORDS.items()
        for match in pattern.finditer(text)
        if (path, match[0]) not in ALLOWED
    ]
    return sorted(found)


def room_of(path: str) -> str:
    """Return the room a file is counted in: `tasks/monitor`, `tests/unit/monitor`, or the file itself.

    Examples
    --------
    >>> room_of("tasks/monitor/profiling/night.py"), room_of("tests/unit/spec/test_a.py"), room_of("README.md")
    ('tasks/monitor', 'tests/unit/spec', 'README.md')

    """
    parts = path.split("/")
    return "/".join(parts[: 3 if "/".join(parts[:2]) in DEEP else 2])


def text_files() -> Iterator[str]:
    """Yield the project's own text files; frozen formats and the lists of words themselves are exempt."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in sorted(set(listed.stdout.splitlines())):
        path = Path(name)
        textual = path.suffix in SUFFIXES or path.name in NAMES
        if textual and "frozen" not in path.parts and name not in EXEMPT and (ROOT / path).is_file():
            yield name


def read_baseline(lines: Iterable[str]) -> dict[str, int]:
    """Return how many words each room may still have."""
    return {room: int(count) for room, count in (line.split() for line in lines if line.strip())}


def over_baseline(findings: Iterable[Finding], baseline: dict[str, int]) -> list[Finding]:
    """Return the findings of rooms over their baseline; none while the whole is within it, as when files move."""
    findings = list(findings)
    if len(findings) <= sum(baseline.values()):
        return []
    counts = Counter(room_of(finding.path) for finding in findings)
    return [finding for finding in findings if counts[room := room_of(finding.path)] > baseline.get(room, 0)]


def main(arguments: list[str]) -> int:
    """Check the project, and return the exit code; `--all` lists the baseline's words too, `--shrink` lowers it."""
    findings = [
        finding for name in text_files() for finding in findings_in(name, (ROOT / name).read_text(encoding="utf-8"))
    ]
    baseline = read_baseline(BASELINE.read_text(encoding="utf-8").splitlines()) if BASELINE.is_file() else {}
    if "--shrink" in arguments:
        counts = Counter(room_of(finding.path) for finding in findings)
        lower = {room: min(count, counts[room]) for room, count in sorted(baseline.items()) if counts[room]}
        BASELINE.write_text("".join(f"{room} {count}\n" for room, count in lower.items()), encoding="utf-8")
    refused = findings if "--all" in arguments else over_baseline(findings, baseline)
    rooms = Counter(room_of(finding.path) for finding in refused)
    for finding in refused:
        sys.stdout.write(f"{finding}\n")
    for room, count in rooms.items():
        sys.stderr.write(f"{room}: {count} archaic words, at most {baseline.get(room, 0)} allowed\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
