"""Values as C99 writes them; texts are inert whatever they contain."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

_PLAIN = re.compile(r"[A-Za-z0-9 ,._-]")
_MEMBER = re.compile(r"[a-z][a-z0-9_]{0,40}")
_KEYWORDS = frozenset({
    *("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern"),
    *("float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed"),
    *("sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while"),
    *("asm", "typeof", "bool", "true", "false", "nullptr", "class", "new", "this", "template", "operator"),
})  # fmt: skip
A_LINE = 110


def c_number(value: float) -> str:
    """Return a double with every bit.

    >>> c_number(0.75), c_number(-math.inf), c_number(math.nan)
    ('0x1.8000000000000p-1', '-INFINITY', 'NAN')
    """
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return float(value).hex()


def c_text(text: str) -> str:
    r"""Return a text as a string of C: letters and digits as they are, each other byte of UTF-8 by its number.

    >>> print(c_text('a"; system("x'), c_text("*/ü??="))
    "a\042\073 system\050\042x" "\052\057\303\274\077\077\075"
    """
    return '"' + "".join(_character(character) for character in text) + '"'


def _character(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8"))


def c_members(names: Sequence[str]) -> dict[str, str]:
    """Return a name in C for each column: its own where C has no objection.

    >>> c_members(["area", "int", "Größe", "x); y"])
    {'area': 'area', 'int': 'column_1', 'Größe': 'column_2', 'x); y': 'column_3'}
    """
    fits = [_MEMBER.fullmatch(name) and name not in _KEYWORDS and not name.startswith("column_") for name in names]
    return {name: name if fit else f"column_{place}" for place, (name, fit) in enumerate(zip(names, fits, strict=True))}


def c_array(kind: str, name: str, values: Iterable[float] | np.ndarray) -> str:
    """Return a constant array; an empty one has a zero, because C has no empty arrays.

    >>> print(c_array("double", "start", [0.5]))
    static const double start[] = {
        0x1.0000000000000p-1,
    };
    <BLANKLINE>
    """
    shown = [c_number(float(value)) if kind in {"double", "float"} else str(int(value)) for value in values] or ["0"]
    lines, line = [], "   "
    for value in shown:
        if len(line) + len(value) > A_LINE:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return f"static const {kind} {name}[] = {{\n" + "\n".join([*lines, line]) + "\n};\n"
