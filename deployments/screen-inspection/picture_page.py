#!/usr/bin/env python3
"""Adds a picture to the page of a bundle: a copy of it that measures a picture, fills in the form, and answers.

    leeway bundle screen-inspection --for browser --out BUNDLE
    python deployments/screen-inspection/picture_page.py BUNDLE picture.html

The page needs no network and sends nothing: it may run its own two scripts only (Content-Security-Policy).
"""

from __future__ import annotations

import base64
import hashlib
import sys
from pathlib import Path

FORM, SOURCES, END = '<form id="form"', "script-src ", "</body>"
FIELD = '<p><label for="picture">picture (PNG)</label> <input id="picture" type="file" accept="image/png"></p>\n'
FILL_IN = """
const said = document.getElementById("answer");
document.getElementById("picture").addEventListener("change", async event => {
  try {
    const [file] = event.target.files;
    const measured = measures(await grey(new Uint8Array(await file.arrayBuffer())));
    for (const label of document.querySelectorAll("#fields label")) {
      if (label.textContent in measured) document.getElementById(label.htmlFor).value = measured[label.textContent];
    }
    document.getElementById("form").requestSubmit();
  } catch (error) {
    said.textContent = `This picture cannot be measured: ${error.message}`;
    said.hidden = false;
  }
});
"""


def with_picture(page: str, features: str) -> str:
    """Return the page of a bundle with a field for a picture.

    Parameters
    ----------
    page : str
        index.html of the bundle.
    features : str
        features.mjs of this folder.

    Raises
    ------
    ValueError
        It is no page of a bundle.
    """
    if not all(page.count(mark) == 1 for mark in (FORM, SOURCES, END)):
        raise ValueError("found no page of a bundle; expected index.html of `leeway bundle --for browser`")
    script = f"\n{features.replace('export const', 'const')}{FILL_IN}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = page.replace(FORM, FIELD + FORM).replace(SOURCES, f"{SOURCES}'sha256-{digest}' ")
    return page.replace(END, f'<script type="module">{script}</script>\n{END}')


def main(bundle: str, out: str) -> None:
    """Write the page."""
    features = Path(__file__).with_name("features.mjs").read_text(encoding="utf-8")
    page = (Path(bundle) / "index.html").read_text(encoding="utf-8")
    Path(out).write_text(with_picture(page, features), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
