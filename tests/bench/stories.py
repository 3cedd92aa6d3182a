"""The worked projects, replayed: what Leeway decided night by night, and what it was worth, as the rows of a table.

    .venv/bin/python -m tests.bench.stories                  # all of them, on the files that are in the repository
    .venv/bin/python -m tests.bench.stories --seed 2 --only card-fraud --against never --pages /tmp/curves

The table is in deployments/README.md. It is no part of the suite: all of it takes about half an hour of one processor.
"""

from __future__ import annotations

import argparse
import logging
import runpy
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.backtest.comparison import StrategySummary, page, summarise
from flows.backtest.engine import run_backtest
from flows.backtest.outcomes import outcome_of
from flows.backtest.strategy import BacktestResult, RetrainSchedule, Strategy
from flows.backtest.trainer import BacktestTrainer
from flows.demo.worked_projects import SHOWN, WorkedProject, worked_project
from tasks.lake import Lake
from tasks.records import Decision, NightEntry, nights_of
from tasks.score import AnswerFiles, answer_destination
from tasks.spec import read_spec
from tests.worked_stories import landed_history

KINDS: tuple[RetrainSchedule, ...] = ("policy", "never", "nightly")
LAST = date(2026, 12, 31)  # all that ever lands
MAKER = "make_landing.py"
EXPECTED = {
    "house-prices": "prices rise, houses do not change: `concept` in spring, retrained with time treated",
    "card-fraud": "found by 18 June; `both` from 22 June to 3 July; retrained by 3 July, once",
    "voice-activity": "found by 1 June; retrained once by 15 June",
    "voice-recogniser": "names the model of voice-activity, and is not retrained",
    "voice-search": "names the first step through the recogniser, and is not retrained",
    "patient-records": "10 to 12 March quarantine; one question by 20 March; age harmless, no message",
    "screen-inspection": "found by 8 May; a question by 8 May; past its leeway by 15 May; retrained by 25 May, once",
    "apple-sorting": "22 to 27 April quarantine; the grade named by 11 May, asked about and learned by 27 May",
}
"""The call that the page of each project expects, which its maker wrote before the first run; of house-prices, of which
the data are real, what is known of them."""


def main() -> None:
    """Print a row for each story, each as soon as it is known."""
    logging.disable(logging.INFO)
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=list(SHOWN), choices=SHOWN)
    asked.add_argument("--seed", help="make the deliveries with another seed")
    asked.add_argument("--against", nargs="*", default=["never", "nightly"], choices=KINDS[1:])
    asked.add_argument("--pages", type=Path, help="a folder for pages with the error of each strategy over time")
    chosen = asked.parse_args()
    for name in chosen.only:
        if chosen.seed and not (worked_project(name).path.parent / MAKER).is_file():
            continue
        for project, found in results(worked_project(name), chosen.seed, chosen.against).items():
            spec = found[0].strategy.spec
            lines = summarise([outcome_of(each, 0) for each in found], spec)
            if chosen.pages:
                (chosen.pages / f"{project}.html").write_text(page(spec, lines), encoding="utf-8")
            worth = " | ".join(map(outcome, lines))
            print(
                f"| {project} | {chosen.seed or 'kept'} | {EXPECTED[project]} | {decided(found[0])} | {worth} |",
                flush=True,
            )


def results(
    story: WorkedProject, seed: str | None, against: Sequence[RetrainSchedule]
) -> dict[str, list[BacktestResult]]:
    """Return what the policy leads to in each project of a story, and then other strategies."""
    found: dict[str, list[BacktestResult]] = {one.path.parent.name: [] for one in story.chain}
    for kind in ("policy", *against):
        with TemporaryDirectory(prefix="leeway-story-") as place:
            for one in landed(story, Path(place), seed):
                above = {name: nights_of(made[-1].record) for name, made in found.items() if made}
                found[one.path.parent.name].append(replayed(one, kind, above))
    return found


def landed(story: WorkedProject, place: Path, seed: str | None) -> Iterator[WorkedProject]:
    """Yield copies of the projects of a story, so that no answer is written elsewhere, with their deliveries."""
    copies = [replace(one, path=place / one.path.parent.name / one.path.name) for one in story.chain]
    for one, copy in zip(story.chain, copies, strict=True):
        left_out = shutil.ignore_patterns("answers", "feedback", *(["landing"] if seed else []))
        shutil.copytree(one.path.parent, copy.path.parent, ignore=left_out)
    if seed:
        folder = copies[-1].path.parent
        make = runpy.run_path(str(folder / MAKER))["main"]
        make(place if len(copies) > 1 else folder / "landing", seed)
    yield from copies


def replayed(one: WorkedProject, kind: RetrainSchedule, above: Mapping[str, Sequence[NightEntry]]) -> BacktestResult:
    """Return what a strategy leads to in one project; its answers are written for those downstream."""
    folder = one.path.parent
    spec, lake = read_spec(one.path), Lake(str(folder.parent / "lake"))
    history = landed_history(spec, folder, lake, LAST, above)
    trainer = BacktestTrainer(history, folder)
    result = run_backtest(Strategy(kind, spec, kind), trainer, one.history_until, answers=one.answers)
    files = answer_destination(spec, folder, {})
    if isinstance(files, AnswerFiles):
        batches = {batch.batch_id: batch for batch in history.deliveries.latest()}
        of_rows = history.rows[["row_id", "batch_id"]].drop_duplicates("row_id")
        for name, part in result.served.merge(of_rows, on="row_id").groupby("batch_id"):
            files.write(files.name(batches[str(name)]), part[["row_id", "event_date", "prediction"]])
    return result


def decided(result: BacktestResult) -> str:
    """Return the decisions, those of equal nights in a row together, and what came of the retrainings."""
    trained = {one.night: f", version {one.version}" if one.passed else ", refused" for one in result.retrainings}

    def words(one: Decision) -> str:
        kind = "" if one.kind == "none" else f" ({one.kind})"
        return f"{one.action}{kind}{trained.get(one.night, '')}"

    spans = [(said, [one.night for one in nights]) for said, nights in groupby(result.decisions, words)]
    return "; ".join(f"{_days(nights)} {said}" for said, nights in spans)


def _days(nights: Sequence[date]) -> str:
    first, last = (f"{day.day} {day:%b}" for day in (nights[0], nights[-1]))
    return first if first == last else f"{first} to {last}"


def outcome(line: StrategySummary) -> str:
    """Return the error of a strategy, its cost where there is one, and its trainings."""
    cost = f", {line.cost:,.0f} euro" if line.cost else ""
    return f"{line.loss:.4f}{cost} ({line.retrainings} + {line.refused} refused)"


if __name__ == "__main__":
    main()
