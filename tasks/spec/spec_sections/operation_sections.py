"""The sections of a spec about where the flows compute, and when they run."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from tasks.spec.field_types import SpecSection

CRON_FIELDS = 5


class Compute(SpecSection):
    """Where the computations run."""

    backend: Literal["threads", "dask"] = Field(
        "threads",
        description="One machine, or a Dask cluster. A cluster profiles and scores the partitions of a night, and "
        "trains the candidates of a retraining.",
    )
    workers: int = Field(2, ge=1, le=1024, description="The number of worker processes of a local Dask cluster.")
    address: str | None = Field(
        None,
        description="The address of a Dask scheduler (tcp://host:port); by default a local cluster. Its workers need "
        "the same version of Leeway, access to the lake, and the project's folder at the same path.",
    )


@cache
def _known_zones() -> frozenset[str]:
    """Return the names of the time zones; looking for them opens some 600 files, and a night reads several specs."""
    return frozenset(available_timezones())


class Schedule(SpecSection):
    """When the flows run."""

    nightly: str = Field("0 2 * * *", description="Cron expression of the nightly flow, in the time zone below.")
    monitoring: str | None = Field(
        None,
        description="Cron expression of the monitor flow, which measures drift and decides. By default every night "
        "does this itself. If given, nights only ingest, validate and score, and the monitor flow judges "
        "all rows since its last run together.",
    )
    promote: str = Field(
        "* * * * *",
        description="Cron expression of the promote flow, which carries out approvals. By default, one poll of all "
        "projects each minute starts it where there is something to do.",
    )
    upkeep: str = Field(
        "0 5 * * 0", description="Cron expression of the upkeep flow: compaction, retention, unused files."
    )
    time_zone: str = Field("UTC", description="The time zone of the schedule: an IANA name, such as Europe/Berlin.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in _known_zones():
            raise ValueError(f"found {value!r}; expected an IANA time zone such as 'Europe/Berlin'")
        return str(ZoneInfo(value))

    @property
    def looks(self) -> str:
        """The cron expression of the flow that decides: `monitoring`, or else `nightly`.

        >>> Schedule(nightly="0 2 * * *", monitoring="0 6 * * MON").looks
        '0 6 * * MON'
        """
        return self.monitoring or self.nightly

    @field_validator("nightly", "monitoring", "promote", "upkeep")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        if value is None:
            return None
        refusal = f"found {value!r}; expected five cron fields, such as '0 2 * * *'"
        if len(value.split()) != CRON_FIELDS:
            raise ValueError(refusal)
        try:
            CronSim(value, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(refusal) from error
        return value
