"""Great Expectations' Data Docs, on request: the site of a suite run on some rows. It writes to a folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pandas as pd

from tasks.errors import DataError
from tasks.render.pages import page, render
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite import Suite, built

SITE = "leeway"
INDEX = "index.html"


def build_data_docs(rows: pd.DataFrame, suite: Suite, name: str, out: Path) -> Path:
    """Run a suite on typed rows, write the site, and return its first page.

    Great Expectations' pages load style sheets, scripts and a counted picture from seven addresses of the network, and
    run scripts next to values of the rows. Here each page has our style sheet and a policy with which a browser loads
    and runs nothing: it looks the same offline.

    Parameters
    ----------
    rows : DataFrame
        The columns that the suite mentions.
    suite : Suite
        Expectations that can be computed on these rows.
    name : str
        The name of the batch in the pages.
    out : Path
        A folder: new, empty, or an earlier site, which is replaced.

    Raises
    ------
    DataError
        When the folder has other content.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / INDEX).is_file())):
        raise DataError(f"{out} has content that is no site; name a new or an empty folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    with quiet_great_expectations(), TemporaryDirectory(prefix="leeway-docs-") as folder:
        _build(_context(Path(folder), out.resolve()), rows, suite, name)
    for path in out.rglob("*.html"):
        path.write_text(_offline(path.read_text(encoding="utf-8")), encoding="utf-8")
    (out / INDEX).write_text(_index(out, name), encoding="utf-8")
    return out / INDEX


def _offline(text: str) -> str:
    """Return a page of Great Expectations with a policy and a style of its own, before anything else that it has.

    >>> _offline("<html><head><script>").startswith("<html><head><meta http-equiv='Content-Security-Policy'")
    True
    >>> _offline("<script>").startswith("<meta http-equiv='Content-Security-Policy'")
    True
    """
    head = str(render("data_docs_head.html"))
    return text.replace("<head>", f"<head>{head}", 1) if "<head>" in text else head + text


def _index(out: Path, name: str) -> str:
    """Return the first page: Great Expectations builds its own by a script."""
    runs = sorted((out / "validations").rglob("*.html"), key=lambda path: path.parent.name, reverse=True)
    links = [(_address(path, out), f"Results of {path.parent.name}") for path in runs]
    links += [(_address(path, out), "Expectations") for path in sorted((out / "expectations").rglob("*.html"))]
    caption = "what was expected of the rows, and what they are, the newest results first."
    return page("data_docs_index.html", title=name, caption=caption, links=links)


def _address(path: Path, out: Path) -> str:
    return quote(path.relative_to(out).as_posix())


def _context(project: Path, out: Path) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="file", project_root_dir=project)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(out)}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    site = {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": store}
    context.add_data_docs_site(site_name=SITE, site_config=site)
    return context


def _build(context: Any, rows: pd.DataFrame, suite: Suite, name: str) -> None:
    import great_expectations as gx

    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("accepted rows")
    batch = asset.add_batch_definition_whole_dataframe(name)
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(built(suite)))
    context.validation_definitions.add(definition).run(batch_parameters={"dataframe": rows.reset_index(drop=True)})
    context.build_data_docs(site_names=[SITE])
