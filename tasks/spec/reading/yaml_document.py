"""Read YAML text as data with the line of every key, in the small part of YAML 1.2 that a spec needs.

`yes`, `on` and `2026-11-20` are texts (YAML 1.1 reads booleans and dates), and so is `0123`. Keys are always texts, and
every duplicate key is reported. Anchors, aliases, tags and deep nesting are refused before anything is built from them,
so that YAML bombs have no effect.

ruamel.yaml keeps lines too, but it reads `2026-11-20` as a date and `0123` as 123, stops at the first duplicate key,
expands anchors, and returns wrapper types; it would need the same refusals and resolvers as PyYAML's composer here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

Loc = tuple[str | int, ...]
DEPTH = 20
HINTS = {
    "mapping values are not allowed": "quote a text that holds ': '; start lines of one block in one column",
    "cannot start any token": "indent with spaces, not tabs; quote a text that starts with such a mark",
    "could not find expected ':'": "every line of a block is `key: value`",
    "did not find expected <document start>": "one file holds one spec; close every bracket and quote",
    "expected <block end>": "lines of one block start in the same column",
    "expected ',' or ']'": "close the list with ]",
    "expected ',' or '}'": "close the block with }",
    "unexpected end of stream": "a quote is never closed",
    "expected a single document": "one file holds one spec; take out the line with ---",
}


class UnreadableError(Exception):
    """The text is not valid YAML, or uses a part of YAML that a spec must not use.

    Parameters
    ----------
    line : int
        The line of the fault, counted from 1.
    text : str
        The fault and what to do.
    """

    def __init__(self, line: int, text: str) -> None:
        self.line, self.text = line, text
        super().__init__(f"{line}: {text}")


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a text, the line of each key and list item, and the faults of duplicate keys."""

    data: dict[str, Any]
    lines: dict[Loc, int]
    faults: list[tuple[int, str]] = field(default_factory=list)

    def line(self, loc: Loc) -> int:
        """Return the line of a key, or of the nearest key above it that is in the file."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)


def read_document(text: str) -> Document:
    r"""Return the data of a YAML text with its lines.

    Raises
    ------
    UnreadableError
        When it is not YAML, not a block of keys, or uses anchors, aliases or tags.

    Examples
    --------
    >>> document = read_document("project: houses\nsource:\n  id: [id]\n")
    >>> document.data, document.line(("source", "id"))
    ({'project': 'houses', 'source': {'id': ['id']}}, 3)
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError(
            line, f"not readable as YAML: it holds the control character {chr(int(error.character))!r}"
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        what = "it holds an escape that is no character, or a number without end"
        raise UnreadableError(1, f"not readable as YAML: {what}") from error
    if node is None:
        raise UnreadableError(1, "the file is empty; expected a spec, starting with `project: <name>`")
    if not isinstance(node, yaml.MappingNode):
        raise UnreadableError(_line(node), "found no `key: value` lines; a spec starts with `project: <name>`")
    document = Document({}, {(): 1})
    document.data.update(_mapping(node, (), document))
    return document


def _unreadable(error: yaml.MarkedYAMLError) -> UnreadableError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "unknown fault"
    hint = next((f"; {hint}" for part, hint in HINTS.items() if part in f"{error.context} {problem}"), "")
    if mark is None:
        return UnreadableError(1, f"not readable as YAML: {problem}{hint}")
    return UnreadableError(mark.line + 1, f"not readable as YAML at column {mark.column + 1}: {problem}{hint}")


class _Loader(yaml.SafeLoader):
    """Composes nodes, but constructs nothing; refuses anchors, aliases, tags and deep nesting at once."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # has no types in its stubs
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UnreadableError(line, "found an anchor or alias (& or *); a spec has none: write it out, or quote it")
        tag = (getattr(event, "tag", None) or "").replace("tag:yaml.org,2002:", "!!")
        if tag:
            raise UnreadableError(line, f"found the tag {tag!r}; a spec has none: write the value without it")
        if self._depth >= DEPTH:
            raise UnreadableError(line, f"nested deeper than {DEPTH} levels; a spec needs four")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


NULL, BOOLEAN, WHOLE, NUMBER = (f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
# at most 18 digits without a leading zero: 007 and long identifiers are names, not numbers
_Loader.add_implicit_resolver(WHOLE, re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    NUMBER,
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^[-+]?[0-9]+[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
_READERS: dict[str, Callable[[str], Any]] = {
    NULL: lambda _text: None,
    BOOLEAN: lambda text: text.lower() == "true",
    WHOLE: int,
    NUMBER: float,
}


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _value(node: Any, loc: Loc, document: Document) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            document.lines[*loc, index] = _line(item)
        return [_value(item, (*loc, index), document) for index, item in enumerate(node.value)]
    return _READERS.get(node.tag, str)(_text(node))


def _text(node: yaml.ScalarNode) -> str:
    text = str(node.value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UnreadableError(_line(node), "found half a character (a \\ud800 escape); write the character itself")
    return text


def _mapping(node: yaml.MappingNode, loc: Loc, document: Document) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        if not isinstance(key_node, yaml.ScalarNode):
            document.faults.append((line, "found a key that is a list or a block; expected `key: value`"))
            continue
        key = _text(key_node)
        path = (*loc, key)
        if key in data:
            text = f"key {key!r} occurs twice, first on line {document.lines[path]}; keep one"
            document.faults.append((line, text))
            continue
        document.lines[path] = line
        data[key] = _value(value_node, path, document)
    return data
