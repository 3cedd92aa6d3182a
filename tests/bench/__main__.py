"""Measured figures, each with a floor from the same run: `make bench`, or `make bench ARGS="night stack"`.

Nothing here fails for being slow: shared machines are noisy, so look at the ratios and the CPU seconds. A bench that
ends in an error does not end the others. `LEEWAY_BENCH=small` shows in seconds that each runs.
"""

import sys
from collections.abc import Callable

from rich.console import Console

from tests.bench.bignight import bench_bignight
from tests.bench.broken_streams import bench_broken_streams
from tests.bench.bundling import bench_bundles
from tests.bench.cluster import bench_cluster
from tests.bench.compact import bench_compact
from tests.bench.compressing import bench_compression
from tests.bench.degrees import bench_degrees
from tests.bench.figures import Shown
from tests.bench.gate import bench_gate
from tests.bench.guarding import bench_guardrails
from tests.bench.helping import bench_help
from tests.bench.history import bench_history
from tests.bench.incidents import bench_incidents
from tests.bench.ingest import bench_ingest
from tests.bench.local_slices import bench_local_slices
from tests.bench.night import bench_night
from tests.bench.online_rows import bench_online
from tests.bench.parity import bench_parity
from tests.bench.profiling import bench_profiling
from tests.bench.quiet_year import bench_quiet_year
from tests.bench.replaying import bench_replaying
from tests.bench.report import bench_report
from tests.bench.rolling_out import bench_rollout
from tests.bench.rollout_trials import bench_rollout_trials
from tests.bench.scoring import bench_scoring
from tests.bench.search import bench_search
from tests.bench.sensitivity import bench_sensitivity
from tests.bench.serving import bench_serve
from tests.bench.starting import bench_stack
from tests.bench.swapping import bench_swaps
from tests.bench.table_files import bench_table_files
from tests.bench.tables import bench_tables
from tests.bench.units import bench_units
from tests.bench.user_code import bench_user_code
from tests.bench.validation import bench_validation

BENCHES: dict[str, Callable[[Console], Shown]] = {
    "help": bench_help,
    "stack": bench_stack,
    "night": bench_night,
    "ingest": bench_ingest,
    "tables": bench_tables,
    "tablefiles": bench_table_files,
    "report": bench_report,
    "validation": bench_validation,
    "scoring": bench_scoring,
    "compact": bench_compact,
    "search": bench_search,
    "cluster": bench_cluster,
    "bundles": bench_bundles,
    "compression": bench_compression,
    "serve": bench_serve,
    "online": bench_online,
    "swaps": bench_swaps,
    "rollout": bench_rollout,
    "rollout-trials": bench_rollout_trials,
    "guardrails": bench_guardrails,
    "degrees": bench_degrees,
    "gate": bench_gate,
    "parity": bench_parity,
    "profiling": bench_profiling,
    "units": bench_units,
    "usercode": bench_user_code,
    "quiet": bench_quiet_year,
    "sensitivity": bench_sensitivity,
    "local": bench_local_slices,
    "incidents": bench_incidents,
    "broken": bench_broken_streams,
    "replaying": bench_replaying,
    "history": bench_history,
    "bignight": bench_bignight,
}


def main(wanted: list[str]) -> int:
    console = Console(width=None if Console().is_terminal else 120)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        console.print(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    failed = [name for name in wanted or BENCHES if not _shown(name, console)]
    if failed:
        console.print(f"[red]failed[/] {', '.join(failed)}")
    return 1 if failed else 0


def _shown(name: str, console: Console) -> bool:
    console.print(f"[bold]{name}[/]")
    try:
        with console.status(f"measuring: {name}"):
            figures = BENCHES[name](console)
    except Exception:  # noqa: BLE001 - the other benches are measured all the same
        console.print_exception()
        return False
    console.print(figures.table(), "")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
