r"""A script in fewer bytes: short names, and neither comments nor needless spaces.

It is for the scripts of the runtimes: each statement ends with a semicolon, functions are arrows, texts are in double
quotes, and what a script uses from outside of it is in `OUTSIDE`; a name that is missing there is renamed, and then no
selftest passes. Numbers, texts, patterns, properties and exported names stay as they are, and so does every operation:
minifiers that rewrite expressions (`Math.abs(x)` as `x < 0 ? -x : x`) change bits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        "async await catch class const constructor else export extends false for if in instanceof let new null of "
        "return super this throw true try typeof undefined while",
    )
)
OUTSIDE = frozenset(
    re.findall(
        r"\w+",
        "Array Boolean Date Error Float32Array Float64Array Int16Array Intl JSON Map Math NaN Number Object RegExp Set "
        "String Uint16Array Uint32Array Uint8Array atob crypto document globalThis performance",
    )
)
LETTERS = "etnaoisrclduhmpfbgyvwkxjqzSTEACNDOLRIMPUBFHGVWKYXQJZ"
BEFORE_OBJECT = frozenset(["(", "[", ",", ":", "=", "?", "??", "...", "&&", "||", "return", "const", "let"])
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>"(?:\\.|[^"\\])*")
    |(?P<number>0x[\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<pattern>/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/[a-z]*)
    |(?P<sign>=>|\.\.\.|\?\?|\?\.|&&|\|\||\+\+|--|[^\w\s"'`])""",
    re.VERBOSE,
)
_TEMPLATE = re.compile(r"(?P<template>[`}](?:\\.|\$(?!\{)|[^`\\$])*(?:`|\$\{))", re.DOTALL)


@dataclass(slots=True)
class _Token:
    """A piece of a script.

    `is_variable` of a name that is no property; `is_key` of one that is both, as in `{name}`. `statement` is its number
    at the top level, and `depth` the number of brackets around it.
    """

    kind: str
    text: str
    is_variable: bool = False
    is_key: bool = False
    statement: int = 0
    depth: int = 0


def short_script(text: str) -> str:
    r"""Return a script that computes the same.

    Names of the top level get two letters; those inside of a statement of the top level get one, as long as there are.

    >>> short_script('// A.\nexport const sum = ({size}, more) => {\n  const all = more + 1;\n  return size + all;\n};')
    'export const sum=({size:e},t)=>{const n=t+1;return e+n};'
    """
    tokens = list(_tokens(text))
    _find_variables(tokens)
    _rename(tokens)
    return _joined(tokens)


def _tokens(text: str) -> Iterator[_Token]:
    """Yield the pieces of a script without spaces and comments; a template is cut at its expressions."""
    place, statement, before = 0, 0, _Token("sign", ";")
    opened: list[str] = []
    while place < len(text):
        is_template = text[place] == "`" or (text[place] == "}" and opened[-1:] == ["`"])
        found = (_TEMPLATE if is_template else _TOKEN).match(text, place)
        if found is None:
            raise ValueError(f"no piece of a script: {text[place : place + 40]!r}")
        kind, piece = str(found.lastgroup), found[0]
        if kind == "pattern" and _is_operand(before):
            kind, piece = "sign", "/"
        place += len(piece)
        if kind == "space":
            continue
        if piece in CLOSING or (is_template and piece[0] == "}"):
            opened.pop()
        before = _Token(kind, piece, statement=statement, depth=len(opened))
        yield before
        if piece in OPENING or piece.endswith("${"):
            opened.append("`" if is_template else piece)
        statement += piece == ";" and not opened


def _is_operand(token: _Token) -> bool:
    """Return whether a slash after a piece divides.

    >>> _is_operand(_Token("name", "total")), _is_operand(_Token("name", "return")), _is_operand(_Token("sign", ")"))
    (True, False, True)
    """
    return token.text in CLOSING or (token.kind in {"number", "text", "name"} and token.text != "return")


def _find_variables(tokens: Sequence[_Token]) -> None:
    """Note which names are variables."""
    exported = {tokens[number + 2].text for number, token in enumerate(tokens) if token.text == "export"}
    kept = KEYWORDS | OUTSIDE | exported
    in_object: list[bool] = []
    for number, token in enumerate(tokens):
        before = tokens[number - 1].text if number else ""
        after = tokens[number + 1].text if number + 1 < len(tokens) else ""
        if token.kind == "name" and token.text not in kept:
            is_entry = in_object[-1:] == [True] and before in {"{", ","}
            token.is_variable = before not in {".", "?."} and not (is_entry and after in {":", "("})
            token.is_key = is_entry and token.is_variable
        if token.text in CLOSING or (token.kind == "template" and token.text[0] == "}"):
            in_object.pop()
        if token.text in OPENING or token.text.endswith("${"):
            in_object.append(token.text == "{" and before in BEFORE_OBJECT)


def _rename(tokens: Sequence[_Token]) -> None:
    """Give the variables short names, the shortest ones to those that are used most."""
    pairs = [one + other for one, other in product(LETTERS, LETTERS) if one + other not in {"do", "if", "in", "of"}]
    uses = Counter(token.text for token in tokens if token.is_variable)
    declared = {
        tokens[number + 1].text
        for number, token in enumerate(tokens)
        if token.text in {"const", "let", "class"} and not token.depth
    }
    top = dict(zip((name for name, _ in uses.most_common() if name in declared), pairs, strict=False))
    free = [*LETTERS, *pairs[len(top) :]]
    inner: dict[int, Counter[str]] = {}
    for token in tokens:
        if token.is_variable and token.text not in top:
            inner.setdefault(token.statement, Counter())[token.text] += 1
    names = {
        statement: dict(zip((name for name, _ in counted.most_common()), free, strict=False)) | top
        for statement, counted in inner.items()
    }
    for token in tokens:
        if token.is_variable:
            new = names.get(token.statement, top)[token.text]
            token.text = f"{token.text}:{new}" if token.is_key else new


def _joined(tokens: Sequence[_Token]) -> str:
    """Return the script, with one declaration of constants that follow each other, and spaces where names would join.

    >>> _joined(list(_tokens("{ const a = 1; const b = a + +a; return b; }")))
    '{const a=1,b=a+ +a;return b}'
    """
    script: list[str] = []
    declares: dict[int, bool] = {}
    before = ""
    for token, after in zip(tokens, [*tokens[1:], _Token("", "")], strict=True):
        piece, depth = token.text, token.depth
        if piece == ";":
            goes_on = declares.get(depth, False) and after.text == "const"
            piece = "," if goes_on else "" if after.text == "}" else ";"
            declares[depth] = goes_on
        elif piece == "const":
            is_next = declares.get(depth, False)
            declares[depth] = before != "export"
            piece = "" if is_next else piece
        elif piece == "," and after.text == "}":
            piece = ""
        elif piece in CLOSING:
            declares.pop(depth + 1, None)
        if script and _would_join(script[-1], piece):
            script.append(" ")
        script += [piece] if piece else []
        before = token.text
    return "".join(script)


def _would_join(before: str, piece: str) -> bool:
    """Return whether two pieces would be one without a space.

    >>> _would_join("return", "x"), _would_join("+", "+"), _would_join("=", "x")
    (True, True, False)
    """
    letters = re.compile(r"[\w$]")
    return bool(letters.match(before[-1]) and letters.match(piece)) or (piece in {"+", "-"} and piece == before)
