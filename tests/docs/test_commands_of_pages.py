"""Every `leeway` command on a page exists, with its options; those of code blocks are complete."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from deployments.docs.builder.site_pages import HOME, source_of, written_places
from flows.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [source_of(place) for place in (HOME, *written_places())]
LEEWAY: Any = typer.main.get_command(app)
SHELL = re.compile(r"^ *```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:LEEWAY_\w+=\S+ )?leeway\s[^`]+)`")
NEXT = {"&&", "||", "|", ";", ">", "<"}


def typed(block: str) -> Iterator[list[str]]:
    """Yield the commands of a block that a shell would run, in words."""
    for line in whole_lines(block):
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), ";"]:
            if word not in NEXT:
                words.append(word)
                continue
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                yield words
            words = []


def whole_lines(block: str) -> Iterator[str]:
    """Yield the lines of a block; a line with an open quotation goes on."""
    begun = ""
    for line in block.replace("\\\n", " ").splitlines():
        begun += line.strip().removeprefix("$ ") + "\n"
        with suppress(ValueError):
            shlex.split(begun, comments=True)
            yield begun
            begun = ""


def typed_on(page: str, program: str) -> list[list[str]]:
    blocks = SHELL.findall((ROOT / page).read_text(encoding="utf-8"))
    return [words[1:] for block in blocks for words in typed(block) if words[0] == program]


def found(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, and the words after it."""
    command, rest = LEEWAY, list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def complaint(words: list[str]) -> str:
    """Return what the command line says against a command; empty where it would run it."""
    command, rest = found(words)
    if hasattr(command, "commands"):
        return f"no command {' '.join(words)}"
    try:
        command.make_context("leeway", rest)
    except Exception as error:  # noqa: BLE001 - typer has its own copy of click's errors
        return f"{' '.join(words)}: {error}"
    return ""


@cache
def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "--debug"}


def unknown_in(mention: str) -> list[str]:
    """Return the names in `leeway this|that PROJECT [--option X]` that do not exist."""
    words = re.sub(r"[\[\]]", " ", mention.replace("\\|", "|")).split()
    words = [word for word in words[words.index("leeway") + 1 :] if word != "--debug"]
    names, rest = words[0].split("|"), words[1:]
    unknown = []
    for name in names:
        command, below = found([name])
        if below and not re.fullmatch(r"[A-Z.]+|-.*", name):
            unknown.append(name)
            continue
        if rest and hasattr(command, "commands"):
            unknown += [each for each in rest[0].split("|") if each.islower() and each not in command.commands]
            command, _ = found([name, rest[0].split("|")[0]])
        asked = [each for word in rest if word.startswith("--") for each in word.split("|")]
        unknown += [each for each in asked if each.startswith("--") and each not in options(command)]
    return unknown


@pytest.mark.parametrize("page", PAGES)
def test_the_command_line_takes_every_command_of_a_page(page: str) -> None:
    assert [said for words in typed_on(page, "leeway") if (said := complaint(words))] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_mentions_no_command_and_no_option_that_does_not_exist(page: str) -> None:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    assert {mention: unknown for mention in INLINE.findall(text) if (unknown := unknown_in(mention))} == {}


@pytest.mark.parametrize("page", PAGES)
def test_make_has_every_target_of_a_page(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {words[0] for words in typed_on(page, "make") if words}
    assert asked <= targets


def test_pages_have_commands_to_check() -> None:
    assert sum(len(typed_on(page, "leeway")) for page in PAGES) > 30


@pytest.mark.parametrize(
    "wrong",
    ["leeway no-such", "leeway run nightyl shop", "leeway why shop 2026-01-01 --recomptue", "leeway bundle --for x"],
)
def test_a_command_that_does_not_exist_is_found(wrong: str) -> None:
    assert [bool(complaint(words[1:])) for words in typed(f"true && X=1 {wrong} | cat") if words[0] == "leeway"] == [
        True
    ]


@pytest.mark.parametrize(
    "wrong", ["leeway no-such P", "leeway run nightly|weekly P", "leeway approve|reject P [--why X]"]
)
def test_a_mention_of_what_does_not_exist_is_found(wrong: str) -> None:
    assert unknown_in(wrong) != []
