"""A rim of validate, asked for by hand: Great Expectations' own Data Docs, the site of a suite run on some rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from tasks.errors import DataError
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite import Suite, built

SITE = "leeway"
INDEX = "index.html"


def build_data_docs(rows: pd.DataFrame, suite: Suite, name: str, out: Path) -> Path:
    """Run a suite on typed rows, write the site, and return its first page.

    Its pages take fonts and scripts from the network; what was validated, and how, is in the pages themselves.

    Parameters
    ----------
    rows : DataFrame
        The columns the suite speaks of.
    suite : Suite
        The expectations, all of which can be computed on these rows.
    name : str
        What the batch is called in the pages.
    out : Path
        A folder: new, empty, or an earlier site, which is replaced.

    Raises
    ------
    DataError
        When the folder holds something else.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / INDEX).is_file())):
        raise DataError(f"{out} holds something that is no site; name a new or an empty folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    with quiet_great_expectations(), TemporaryDirectory(prefix="leeway-docs-") as place:
        _build(_context(Path(place), out.resolve()), rows, suite, name)
    return out / INDEX


def _context(place: Path, out: Path) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="file", project_root_dir=place)
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
    kept = context.suites.add(built(suite))
    run = gx.ValidationDefinition(name=name, data=batch, suite=kept)
    context.validation_definitions.add(run).run(batch_parameters={"dataframe": rows.reset_index(drop=True)})
    context.build_data_docs(site_names=[SITE])
