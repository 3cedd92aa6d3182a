"""`leeway bundle`: write a version as a signed folder that answers without Leeway, verify one, or land its answers."""

from __future__ import annotations

import gzip
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flows.cli.console import screen, table
from flows.cli.session import open_servers
from flows.shipped_files import shipped_file
from tasks import clock
from tasks.bundle import Form
from tasks.bundle.runtimes.answer_queue import OPEN
from tasks.bundle.task import check_folder, read_bundle, write_bundle
from tasks.errors import DataError, EvidenceError
from tasks.registry import PACKAGES, load_keys
from tasks.registry.manifest import MANIFEST, verify
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import find_project, home, projects_folder, read_spec
from tasks.spec.find_project import FILE

if TYPE_CHECKING:
    from flows.loaded_version import Sealed
    from flows.workspace import Workspace
    from tasks.bundle.compressed.smaller_forms import SmallerForm
    from tasks.evaluate.analysis.non_inferiority import NonInferiority

PER_KB = 1000


def bundle_project(project: str, version: int | None, form: Form, out: Path, *, fits: bool = False) -> None:
    """Write a bundle, and print what it has and how large it is.

    Parameters
    ----------
    fits : bool
        Whether it has the best form of the version within the budgets of `edge`; all forms are printed.
    """
    path = find_project(project)
    name = read_spec(path).project
    check_folder(name, form, out)
    with open_servers(path):
        from flows.serving.bundles.bundle_version import Signing, bundle_of, version_to_bundle
        from flows.workspace import open_workspace

        workspace = open_workspace(name)
        key = load_keys(workspace.home, os.environ, pair=PACKAGES).private
        if key is None:
            raise EvidenceError("there is no key to sign bundles with; set LEEWAY_PACKAGE_KEY, or let one be created.")
        found = version_to_bundle(workspace, version)
        smaller = _fitted(workspace, found, form) if fits else None
        signing = Signing(key, shipped_file("LICENSE").read_bytes(), clock.now())
        made = bundle_of(workspace, found, form, signing, smaller)
    write_bundle(made.files, out)
    shown = table("file", "kB", "kB gzipped")
    for file, content in sorted(made.files.items()):
        shown.add_row(terminal(file), *(f"{len(size) / PER_KB:.1f}" for size in (content, gzip.compress(content, 9))))
    console = screen()
    console.print(shown)
    stale = made.bundled.stale_on
    console.print(
        f"version {made.version} of {terminal(name)} for {form} in {terminal(str(out))}, serial {made.bundled.serial}, "
        + ("never stale" if stale is None else f"stale from {stale} on")
        + ("" if made.bundled.schema.interval is None else "; its predictions have no intervals (lower, upper)")
    )


def _fitted(workspace: Workspace, found: Sealed, form: Form) -> SmallerForm | None:
    """Print the forms of a version, and return the best; None where that is the version itself."""
    from flows.serving.bundles.fitted_form import best_form, judged_forms, version_and_rows

    spec = workspace.spec
    night = clock.tonight(spec.schedule.time_zone)
    given = version_and_rows(workspace, found, night)
    judged = judged_forms(given, spec, workspace.folder, form, night)
    shown = table("form", "kB", "RAM kB", "us", "bound", "loss", "at most", "changed", "")
    for each in judged:
        loss, high, changed = _costs_in_words(each.judged)
        numbers = (f"{cost:.1f}" for cost in each.costs)
        bound = f"{each.form.bound:.1g}" if math.isfinite(each.form.bound) else "none"
        verdict = "no: " + each.faults[0] if each.faults else "yes"
        shown.add_row(each.form.name or "the model itself", *numbers, bound, loss, high, changed, verdict)
    console = screen()
    console.print(shown)
    best = best_form(judged, spec.edge)
    for part in best.judged.slices if best.judged else ():
        name = terminal(f"{part.column} = {part.value}")
        console.print(f"{part.changed:.2%} of the answers change where {name} ({counted(part.rows, 'row')})")
    console.print(f"chosen: {best.form.name or 'the model itself'}")
    return best.form if best.form.name else None


def _costs_in_words(judged: NonInferiority | None) -> tuple[str, str, str]:
    if judged is None:
        return "+0%", "+0%", "0%"
    changed = "unknown" if judged.change is None else f"{judged.change.changed:.2%}"
    return f"{judged.increase:+.3%}", f"{judged.increase_high:+.3%}", changed


def land_kept(project: str, folder: Path) -> None:
    """Land the answers that bundles have handed over in a folder, and print how many.

    Raises
    ------
    DataError
        When there is no file of answers, or one that does not land; the others have landed then.
    """
    paths = sorted(path for path in folder.glob("[!.]*.jsonl") if not path.name.startswith(OPEN))
    if not paths:
        raise DataError(f"{folder} has no answers; expected files that `leeway.py hand-over` of a bundle has named")
    path = find_project(project)
    with open_servers(path):
        from flows.serving.bundles.answer_landing import land_answers
        from flows.workspace import open_workspace

        workspace = open_workspace(read_spec(path).project)
        today = clock.now().astimezone(ZoneInfo(workspace.spec.schedule.time_zone)).date()
        landed = land_answers(workspace, paths, today)
    screen().print(
        f"{counted(landed.rows, 'answer')} in {counted(landed.files, 'file')} landed; the next night takes them in"
    )
    if landed.refused:
        name, why = landed.refused[0]
        raise DataError(
            f"{counted(len(landed.refused), 'file')} did not land and stayed in {folder}, such as {name}: {why}"
        )


def verify_bundle(folder: Path) -> None:
    """Verify the signature of a bundle and each of its files, and print what it is.

    Raises
    ------
    EvidenceError
        When no trusted key signed it, or a file differs.
    """
    from tasks.bundle.bundle_forms import checked_about

    files = read_bundle(folder)
    try:
        manifest = json.loads(files[MANIFEST])
    except ValueError as error:
        raise EvidenceError(f"{folder / MANIFEST} cannot be read: {error}. Copy the bundle again.") from error
    about = checked_about(manifest)
    keys = load_keys(home(projects_folder() / "any" / FILE), os.environ, pair=PACKAGES, make=False)
    signed = verify(files, keys.trusted, about)
    at = "" if signed.statement is None else f", signed at {signed.statement.signed_at:%Y-%m-%d %H:%M} UTC"
    screen().print(
        f"[bold green]verified[/]: {terminal(about['project'])} for {about['bundle']}, serial {about['serial']}{at}; "
        f"{len(files)} files are as they were written"
    )
