"""`leeway check` says of a delivery what the night will: over every case of the table of bad inputs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.cli.commands.project_data.check_delivery import SHOWN, Newest, checked_delivery
from tasks.ingest import landed, landing_zones, open_source
from tasks.ingest.task import take_in
from tasks.lake import Lake, deliveries
from tasks.records import Delivery, Unread, ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.unit.ingest.test_bad_inputs import CASES, RULES, SPEC, Case

NIGHT, MOMENT = date(2026, 1, 5), datetime(2026, 1, 5, 12, tzinfo=UTC)
SHARES = 4  # so that the processes of a session share them


def spec_of(case: Case) -> ProjectSpec:
    fmt, apart = {"format": case.fmt}, case.label is not None
    label = (case.label or SPEC["source"]["label"]) | (fmt if apart else {})
    source: dict[str, Any] = SPEC["source"] | case.source | ({} if apart else fmt) | {"label": label}
    return ProjectSpec.model_validate(SPEC | {"source": source, "contract": case.contract})


def grouped(cases: list[Case]) -> list[list[Case]]:
    """Return the cases that meet one spec and one suite together: they are deliveries of one night."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(f"{spec_of(case).model_dump_json()} {case.rules}", []).append(case)
    return list(groups.values())


def land(cases: list[Case], folder: Path) -> dict[str, Case]:
    """Let cases land next to each other; return them by the keys of their deliveries."""
    first, by_key = cases[0], dict[str, Case]()
    rules = {"name": "shop", "expectations": RULES if first.rules else []}
    (folder / "expectations.json").write_text(json.dumps(rules), encoding="utf-8")
    for name in ("rows", "prices"):
        (folder / name).mkdir(parents=True)
    for number, case in enumerate(cases):
        ending = "" if Path(case.key).suffix else f".{case.fmt}"
        key = f"{number:03}/{case.key}{ending}"
        path = folder / ("rows" if case.label is None else "prices") / key
        path.parent.mkdir(parents=True)
        path.write_bytes(case.content())
        os.utime(path, (MOMENT.timestamp() - 3600 + number,) * 2)
        by_key[key] = case
    return by_key


def newest_in_turn(spec: ProjectSpec, folder: Path) -> Iterator[Newest]:
    """Yield every delivery as if it was the newest of its landing zone."""
    for zone in landing_zones(spec):
        source = open_source(zone.uri, folder, spec.source, zone.files)
        listing = {stored.key: stored for stored in source.list()}
        arrived = landed(listing.values(), zone.kind, spec, NIGHT, MOMENT, zone.table)
        for each in arrived.landed:
            yield Newest(source, [listing[key] for key in each.parts or (each.key,)], each, len(arrived.landed))


def said_of(read: Delivery | Unread, checked: ValidatedDelivery) -> list[str]:
    """Return what check must say of what the night did: nothing of what it accepts whole."""
    key = read.landed.key
    if isinstance(read, Unread):
        return [f"{key} cannot be read: {read.detail} ({read.reason})"]
    if checked.verdict != "quarantined" and not checked.rows_refused:
        return []
    counts = f"{checked.rows_refused} of {checked.rows_in} {checked.landed.kind} refused"
    criticals = [finding.message for finding in checked.findings if finding.severity == "critical"]
    return [f"{key}: {checked.verdict.replace('_', ' ')}, {counts}", *(f"{key}: {message}" for message in criticals)]


@pytest.mark.parametrize("share", range(SHARES))
def test_check_and_the_night_agree_on_every_bad_input(tmp_path: Path, share: int) -> None:
    numbers, seen = count(), 0
    for cases in grouped(CASES)[share::SHARES]:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        by_key, spec, lake = land(cases, folder), spec_of(cases[0]), Lake(str(folder / "lake"))
        night = take_in(lake, spec, folder, NIGHT, MOMENT)
        found = verdicts(night, spec, folder)
        wanted = {read.landed.key: said_of(read, checked) for read, checked in zip(night, found, strict=True)}
        assert len(wanted) == len({case.content() for case in cases})  # of one content twice, the night reads one
        for newest in newest_in_turn(spec, folder):
            said = checked_delivery(spec, folder / "project.yaml", newest, Console(quiet=True))
            key = newest.landed.key
            seen += 1
            if key not in wanted:
                continue
            assert list(said)[: SHOWN + 1] == wanted[key][: SHOWN + 1], by_key[key].name
        if len(cases) == 1:  # what is stored has the same verdict, where no case corrects another
            stored = store(lake, spec, found, NIGHT, MOMENT)
            assert [each.verdict for each in stored] == [each.verdict for each in found]
            assert [each.verdict for each in deliveries(lake, spec.project).latest()] == [found[0].verdict]
    assert seen == sum(len(cases) for cases in grouped(CASES)[share::SHARES])
