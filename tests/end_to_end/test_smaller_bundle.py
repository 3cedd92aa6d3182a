"""The best smaller form of a champion is found on the labels that came since its training, and bundled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tasks import clock
from tests.end_to_end.project_copies import NIGHT, PROJECT, Copy, cells

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


def test_a_smaller_form_is_found_by_the_newest_labels_and_bundled(
    copy: Callable[..., Copy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.app import main
    from flows.nightly import nightly
    from flows.serving.bundles.bundle_version import version_to_bundle
    from flows.serving.bundles.fitted_form import best_form, judged_forms, version_and_rows
    from flows.workspace import open_workspace
    from tasks.bundle.runtimes.answering_bundle import Bundle
    from tasks.errors import DataError

    project = copy()
    project.replace_in_spec("scope:\n", "edge: {max_loss: 0.2}\nscope:\n")
    project.enter(monkeypatch)
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["leeway", "bundle", PROJECT, "--fit", "--out", str(out)])
    project.land("sales", NIGHT, cells("sales", NIGHT))
    project.land("prices", NIGHT, cells("prices", NIGHT))
    nightly(PROJECT, date.fromisoformat(NIGHT))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    said = " ".join(capsys.readouterr().out.split())
    assert "chosen: " in said
    bundle = Bundle.open(out)
    assert not bundle.kept
    project.replace_in_spec("max_loss: 0.2", "max_kb: 0.001")
    tight = open_workspace(PROJECT)
    night = clock.tonight(tight.spec.schedule.time_zone)
    given = version_and_rows(tight, version_to_bundle(tight, None), night)
    judged = judged_forms(given, tight.spec, tight.folder, "python", night)
    with pytest.raises(DataError, match=r"no form is within the budgets .* it takes .* kB of 0.001"):
        best_form(judged, tight.spec.edge)
    with pytest.raises(DataError, match="has the graph of its version"):
        judged_forms(given, tight.spec, tight.folder, "onnx", night)
