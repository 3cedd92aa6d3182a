"""Where the answers of a project go, next to the lake: files, a table of a database, or a Delta table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from tasks.databases import database_address
from tasks.lake import s3_options
from tasks.score.answer_rows import AnswerRows
from tasks.score.answer_table import AnswerTable
from tasks.score.delta_answers import DeltaAnswers
from tasks.score.output_files import AnswerFiles
from tasks.spec import ProjectSpec
from tasks.spec.landing_sections.database_section import is_database

Answers: TypeAlias = AnswerFiles | AnswerTable | DeltaAnswers


def answer_destination(spec: ProjectSpec, folder: Path, environment: Mapping[str, str]) -> Answers | None:
    """Return the destination of a project's answers next to the lake; None where the spec names none.

    Where people decide without the model there is none either: its answers stay in the lake. Where the model assists
    them, each row is marked as a `proposal`.

    Parameters
    ----------
    folder : Path
        The project's folder, to which a relative path refers.
    environment : mapping of str to str
        The variables with the address of a database, or for the access to S3.

    Raises
    ------
    SourceError
        The variable that the spec names is not set, or has no address.
    """
    output, scoring, is_proposal = spec.scoring.output, spec.scoring, spec.automation.degree == "assist"
    if output is None or spec.automation.answers_kept_back:
        return None
    rows = AnswerRows(
        is_proposal, dict(scoring.rename), spec.automation.blind_share, intervals=spec.training.interval is not None
    )
    if is_database(output):
        return AnswerTable(
            database_address(output, environment, folder.absolute()),
            scoring.table or "",
            spec.project,
            environment,
            rows,
            scoring.timeout_minutes,
            is_private=spec.privacy.is_set,
            formerly=tuple(spec.formerly),
        )
    remote = output.startswith("s3://")
    root, options = output if remote else str((folder / output).absolute()), s3_options(environment) if remote else {}
    if scoring.format == "delta":
        return DeltaAnswers(root, spec.project, rows, options, tuple(spec.formerly))
    return AnswerFiles(
        root,
        scoring.format,
        proposals=is_proposal,
        blind_share=spec.automation.blind_share,
        renamed=dict(scoring.rename),
        options=options,
    )
