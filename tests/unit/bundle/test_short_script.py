"""Scripts of bundles in fewer bytes: names and spaces change, and nothing else."""

from __future__ import annotations

import gzip
import re

import pytest

from tasks.bundle.browser_files import MODULE
from tasks.bundle.runtime_files import runtime_file
from tasks.bundle.short_script import KEYWORDS, OUTSIDE, short_script
from tests.unit.bundle.bundles import KINDS, files_of


@pytest.mark.parametrize(
    ("script", "short"),
    [
        ("const far = {}; const f = near => far.near + near;", "const ee={},et=e=>ee.near+e;"),
        ("const f = ({name, size: wide = 1}) => ({name, wide});", "const ee=({name:e,size:t=1})=>({name:e,wide:t});"),
        ("const f = (a, b) => a ? b : {a: b, [a]: 1};", "const ee=(e,t)=>e?t:{a:t,[e]:1};"),
        ("const f = row => `a ${row.x} row ${`b ${row}`} \\`row`;", "const ee=e=>`a ${e.x} row ${`b ${e}`} \\`row`;"),
        ("const f = a => /a[/a]/g.test(a) || 1 / a / 2;", "const ee=e=>/a[/a]/g.test(e)||1/e/2;"),
        ("const f = a => { return /a/.test(a); };", "const ee=e=>{return/a/.test(e)};"),
        ('const f = () => "f // ;}" + 0x1f + 1e-4;', 'const ee=()=>"f // ;}"+0x1f+1e-4;'),
        ("const f = a => a + +a - -a + a++;", "const ee=e=>e+ +e- -e+e++;"),
        ("export const f = 1; const g = f; const h = g;", "export const f=1;const ee=f,et=ee;"),
        (
            "const f = a => { for (const b of a) { b(); const c = 1; } };",
            "const ee=e=>{for(const t of e){t();const n=1}};",
        ),
        ("const f = a => { let b = 1, c; b = a; return c; };", "const ee=e=>{let t=1,n;t=e;return n};"),
        ("export class Odd extends Error { constructor(a) { super(a); this.a = a; } }", None),
    ],
)
def test_names_are_short_and_all_else_keeps_its_text(script: str, short: str | None) -> None:
    if short is None:
        short = "export class Odd extends Error{constructor(e){super(e);this.a=e}}"
    assert short_script(script) == short


def test_numbers_texts_patterns_and_properties_of_the_runtime_are_kept() -> None:
    text = runtime_file(MODULE)
    short = short_script(text)
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    for pattern in (r'"(?:\\.|[^"\\\n])*"', r"(?<![\w$.])\d[\w.]*", r"(?<!\.)\.[a-zA-Z]\w*"):
        assert re.findall(pattern, short) == re.findall(pattern, code)


def test_no_name_of_the_runtime_is_left_as_it_was() -> None:
    outside = KEYWORDS | OUTSIDE | {"RowRefused", "openBundle"}
    code = re.sub(r'"(?:\\.|[^"\\])*"|`[^`]*`|/\^.*?\$/', "", short_script(runtime_file(MODULE)))
    names = set(re.findall(r"(?<![\w$.])[A-Za-z_$][\w$]*(?!\s*[:\w$])", code))
    assert {name for name in names - outside if len(name) > 2} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_module_of_a_bundle_is_small(kind: str) -> None:
    assert len(gzip.compress(files_of(kind, "browser")[MODULE], 9)) < (4_700 if kind == "multiclass" else 4_500)


def test_what_is_no_script_is_refused() -> None:
    with pytest.raises(ValueError, match="no piece of a script"):
        short_script('const a = "b')
