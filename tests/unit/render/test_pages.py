from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from jinja2 import UndefinedError

import tasks.render
from tasks.render.pages import page, render

ROOT = Path(__file__).parents[3]
TEMPLATES = Path(tasks.render.__file__).parent / "templates"
GROUNDS = ("back", "card")
TEXTS = ("ink", "soft", "link", "red", "amber", "green")
READABLE = 4.5  # WCAG 2.2, 1.4.3


def themes() -> dict[str, dict[str, str]]:
    """Give the colours of both themes by name."""
    blocks = re.findall(r":root\{(.*?)\}", (TEMPLATES / "style.css").read_text(), re.DOTALL)
    light, dark = (dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})\b", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > 4 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("theme", "text", "ground"), list(product(("light", "dark"), TEXTS, GROUNDS)))
def test_every_text_can_be_read_on_every_ground(theme: str, text: str, ground: str) -> None:
    lighter, darker = sorted((luminance(themes()[theme][name]) for name in (text, ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= READABLE


def test_a_value_is_text_and_hides_nothing() -> None:
    shown = render("note.html", title="<b>\u202ex", caption='"&', table=None)
    assert shown == "<h2>&lt;b&gt;\\u202ex</h2><p class='soft'>&#34;&amp;</p>"


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'caption' is undefined"):
        render("note.html", title="x", table=None)


def test_a_page_runs_nothing_fetches_nothing_and_fits_a_phone() -> None:
    text = page("model_plots.html", title="<i>", figures=[])
    assert "<title>&lt;i&gt;</title>" in text
    assert not re.search(r"<script|<link|<img|<iframe|url\(|@import|src=|http", text)
    assert "width=device-width" in text
    assert "prefers-color-scheme:dark" in text


def test_the_wheel_holds_the_templates() -> None:
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"tasks/render/templates/{path.name}" for path in TEMPLATES.iterdir()} <= packed
