"""Rows that were quarantined for values of a feature table are released once the table was corrected."""

from __future__ import annotations

from functools import partial

from flows.loaded_version import Champion
from flows.workspace import Workspace
from tasks import clock
from tasks.dataset.night_data import NightData
from tasks.lake import Batch, append_entry
from tasks.logs import line, logger
from tasks.monitor.table_checks.task import corrected_rows
from tasks.records import ReleaseEntry
from tasks.validate.acceptance.quarantine_rows import fault_names, fault_reasons
from tasks.validate.task import release, rows_of_faults

BY_TABLES = "the correction of a feature table"


def release_corrected(workspace: Workspace, champion: Champion, data: NightData) -> list[Batch]:
    """Release the quarantined rows that are right with the values that feature tables have by now; return the batches.

    The record is written first: a run that was killed in between releases the rest, and the suspicion is over anyhow.
    """
    lake, spec = workspace.lake, workspace.spec
    read = partial(rows_of_faults, lake, spec)
    corrected = corrected_rows(data, champion.baseline, workspace.summaries(champion.ruler), read)
    for one in corrected:
        batch, moment = one.batch, clock.now()
        entry = ReleaseEntry(
            name=f"{batch.batch_id}/{batch.revision}",
            night=data.night,
            time=moment,
            subject=batch.key,
            actor=BY_TABLES,
            reason=f"{fault_names(batch)} is over for its rows: released",
            corrects=one.corrects,
        )
        append_entry(lake, spec.project, entry)
        rows = release(lake, spec, batch, moment, reasons=fault_reasons(batch))
        logger().info(line("rows_corrected", key=batch.key, rows=rows))
    return [one.batch for one in corrected]
