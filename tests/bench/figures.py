"""What a bench found: seconds, CPU seconds, and how many times its floor each figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time
from typing import Protocol

from rich.table import Table


class Shown(Protocol):
    """The result of a bench: a table."""

    def table(self) -> Table: ...


@dataclass(frozen=True, slots=True)
class Time:
    """How long something took: by the clock, and on this process' processors."""

    seconds: float
    cpu_seconds: float | None = None

    @classmethod
    def of(cls, work: Callable[[], object]) -> Time:
        began, cpu_began = perf_counter(), process_time()
        work()
        return cls(perf_counter() - began, process_time() - cpu_began)

    @classmethod
    def median(cls, times: Sequence[Time]) -> Time:
        used = [each.cpu_seconds for each in times if each.cpu_seconds is not None]
        return cls(median(each.seconds for each in times), median(used) if used else None)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `floor` names another line of it."""

    what: str
    time: Time
    floor: str | None = None


@dataclass
class Figures:
    """One bench's lines, in order."""

    title: str
    lines: list[Figure] = field(default_factory=list)

    def add(self, what: str, time: Time, floor: str | None = None) -> None:
        self.lines.append(Figure(what, time, floor))

    def table(self) -> Table:
        shown = Table(title=self.title, title_justify="left", show_edge=False)
        shown.add_column("")
        for heading in ("seconds", "CPU seconds"):
            shown.add_column(heading, justify="right")
        shown.add_column("compared with")
        by_name = {each.what: each.time.seconds for each in self.lines}
        for each in self.lines:
            used = each.time.cpu_seconds
            ratio = f"{each.time.seconds / by_name[each.floor]:.1f} x {each.floor}" if each.floor else ""
            shown.add_row(each.what, f"{each.time.seconds:.3f}", "" if used is None else f"{used:.3f}", ratio)
        return shown
