"""The law of doors: only task modules, and the modules named here with a reason, touch the world outside."""

from __future__ import annotations

from functools import cache

from tests.architecture.doors import ROOT, Door, attributes, doors

OUTER = {
    "flows/serving/": "the control plane of the prediction service: a process that follows the record and the spec",
    "tasks/serve/processes/": "the processes of the prediction service: sockets, signals and shared memory",
    "flows/cli/": "the command line: a terminal, a person's files and their environment",
    "flows/demo/": "the demo plays a person at the command line",
    "flows/stack/": "starts and watches servers",
}
"""Packages that are doors as a whole."""

RIMS: dict[str, tuple[set[Door], str]] = {
    # flows: a flow chooses the moment and hands its workspace on
    "flows/workspace.py": (
        {"environment", "lake"},
        "reads the variables that name lake and registry; the home is made private",
    ),
    "flows/shipped_files.py": ({"files"}, "looks whether this is a checkout or an installed wheel"),
    "flows/nightly.py": (
        {"clock", "files", "lake"},
        "the moment of a night; a folder for its deliveries",
    ),
    "flows/monitor.py": ({"lake"}, "reads the night's data"),
    "flows/adopt.py": ({"clock", "files"}, "the night; the file of the pipeline"),
    "flows/retrain.py": ({"clock", "files"}, "the night and its moment; the folder of interrupted searches"),
    "flows/promote.py": ({"clock"}, "the night and the moment of a step"),
    "flows/promotions.py": ({"clock"}, "the moment of a poll"),
    "flows/migrate.py": ({"clock", "lake"}, "the moment of a migration; looks at what is stored before it plans one"),
    "flows/rename.py": (
        {"clock", "environment", "files", "lake"},
        "moves a project's folder, and everything that is stored of it, for a person at the command line",
    ),
    "flows/restore.py": ({"clock"}, "the moment from which a champion has another number"),
    "flows/steps/kept_version.py": ({"lake"}, "the lake's copy of a champion"),
    "tasks/agreement/convert_kinds.py": ({"lake"}, "rewrites stored columns in another kind"),
    "flows/upkeep.py": ({"clock"}, "the moment that leases and retention are counted from"),
    "flows/steps/actor.py": ({"environment"}, "who acts: the account of MLflow, else of the machine"),
    "flows/steps/corrected_tables.py": ({"clock", "lake"}, "the moment of a release, which it records"),
    "flows/steps/decide_night.py": ({"clock", "lake"}, "the moment of a decision; it is given the night's data"),
    "flows/steps/exclusive_run.py": ({"clock"}, "begin and end of an attempt"),
    "flows/steps/executor.py": ({"clock"}, "how long a cluster has had no worker"),
    "flows/steps/recorded_spec.py": ({"clock"}, "the moment from which a spec counts"),
    "flows/steps/lineage.py": ({"files"}, "the specs of neighbouring projects"),
    "flows/steps/in_service/post_release.py": (
        {"clock", "lake"},
        "the moment of shadow answers; losses from the night's data",
    ),
    "flows/steps/challengers/challenger_job.py": ({"clock"}, "the moment of an outcome"),
    "flows/steps/challengers/training_provenance.py": (
        {"files", "lake", "network"},
        "asks git, hashes the lock, reads commits",
    ),
    "flows/steps/in_service/rollout_guardrails.py": ({"lake"}, "users of both versions from the night's data"),
    "flows/steps/in_service/served_tables.py": ({"lake"}, "reads feature tables as they were when rows were answered"),
    "flows/steps/in_service/served_rows.py": ({"clock"}, "the moment at which logged rows are scored again"),
    "flows/backtest/history.py": ({"lake"}, "reads a history once; a replay then runs in memory"),
    "flows/backtest/outcomes.py": ({"files"}, "keeps the outcome of a replay, so that an interrupted one goes on"),
    "flows/backtest/redecide.py": ({"lake"}, "reads the night that is decided again"),
    "flows/backtest/scenarios.py": ({"lake"}, "reads the rows that faults are put into"),
    # tasks: the two memories, and the places where files and variables are read
    "tasks/clock.py": ({"clock"}, "the clock itself"),
    "tasks/bundle/runtimes/answering_bundle.py": (
        {"clock", "files"},
        "runs outside of Leeway: reads its bundle, and on which day it answers",
    ),
    "tasks/bundle/runtimes/bundle_content.py": ({"files"}, "runs outside of Leeway: compares the files of its bundle"),
    "tasks/bundle/runtimes/answer_queue.py": (
        {"clock", "files"},
        "runs outside of Leeway: keeps answers and when they were given",
    ),
    "tasks/bundle/runtimes/lambda_function.py": (
        {"environment"},
        "runs outside of Leeway: which folder keeps answers",
    ),
    "tasks/databases/database_address.py": ({"files"}, "whether there is a file at an address"),
    "tasks/databases/duckdb_file.py": ({"files"}, "opens a file of DuckDB"),
    "tasks/databases/sqlite_file.py": ({"files"}, "opens a file of SQLite"),
    "tasks/dataset/feature_assembly.py": ({"lake"}, "reads feature tables, here or on a worker"),
    "tasks/upkeep/erasure_record.py": ({"lake"}, "a training asks what was erased since it read its rows"),
    "tasks/dataset/feature_lookup.py": ({"lake"}, "reads feature tables, writes the newest values"),
    "tasks/dataset/known_rows.py": ({"lake"}, "reads what a training may use"),
    "tasks/dataset/night_data.py": ({"lake"}, "reads what a night needs, once"),
    "tasks/monitor/cohorts/cohort_rows.py": ({"lake"}, "reads the rows of a labelled cohort, once"),
    "tasks/ingest/landing/fetch.py": ({"files"}, "keeps large objects on disk"),
    "tasks/ingest/readers/delivery_spool.py": ({"files"}, "keeps large deliveries on disk"),
    "tasks/ingest/readers/object_content.py": ({"files"}, "unpacks compressed objects to disk"),
    "tasks/ingest/readers/sealed_file.py": ({"files"}, "encrypts what is kept on disk"),
    "tasks/ingest/delta/delta_source.py": ({"files"}, "keeps what was read encrypted on disk"),
    "tasks/ingest/delta/table_folder.py": ({"files"}, "looks at the files of a table before they are read"),
    "tasks/ingest/delta/open_delta.py": ({"environment", "files"}, "the variables of S3; a folder for what is read"),
    "tasks/ingest/landing_night.py": ({"lake"}, "keeps which rows of a table were read"),
    "tasks/ingest/tables/open_table.py": ({"environment", "files", "lake"}, "where the last night has stopped reading"),
    "tasks/ingest/tables/table_source.py": ({"files"}, "keeps what was read encrypted on disk"),
    "tasks/ingest/sources/folder.py": ({"files"}, "a landing folder"),
    "tasks/registry/client.py": ({"clock"}, "what is signed and measured has a time"),
    "tasks/registry/new_version.py": ({"files"}, "files travel through a temporary folder"),
    "tasks/registry/mlflow_server.py": ({"environment"}, "mlflow reads its time-outs from the environment"),
    "tasks/registry/other_runs/foreign_run.py": ({"files"}, "a file travels through a temporary folder"),
    "tasks/registry/fetched_files.py": ({"files"}, "files travel through a temporary folder"),
    "tasks/registry/signing.py": ({"files"}, "keys are files of the home"),
    "tasks/score/output_files.py": ({"files"}, "answers as files where the user wants them"),
    "tasks/serve/candidates.py": ({"clock"}, "how much of the lease of a grant is left"),
    "tasks/serve/service_settings.py": ({"files"}, "workers read their settings from a file"),
    "tasks/serve/protocols/label_api.py": ({"clock"}, "the moment at which labels were taken"),
    "tasks/serving_store/api_keys.py": ({"files"}, "API keys are a file of the home"),
    "tasks/serving_store/renamed_project.py": ({"files"}, "moves what the service has kept of a project"),
    "tasks/serving_store/sent_files.py": ({"files"}, "labels and feedback wait in files of the home"),
    "tasks/serving_store/project_notes.py": ({"files"}, "what is said of projects is files of the home"),
    "tasks/serving_store/public_keys.py": ({"files"}, "workers read the keys of versions from a file"),
    "tasks/serving_store/rollout_ledger.py": ({"files"}, "what workers have seen of a rollout is files of the home"),
    "tasks/serving_store/store.py": ({"files"}, "packages and routes are files of the home"),
    "tasks/serving_store/table_snapshots/snapshot_store.py": (
        {"files"},
        "snapshots of feature tables are files of the home",
    ),
    "tasks/serving_store/waiting_bytes.py": ({"clock", "files"}, "measures once a second what waits to be landed"),
    "tasks/spec/find_project.py": ({"environment", "files"}, "LEEWAY_PROJECTS and LEEWAY_HOME are read here only"),
    "tasks/spec/private_home.py": ({"files"}, "the home is its owner's"),
    "tasks/spec/reading/read_spec.py": ({"files"}, "reads project.yaml"),
    "tasks/user_code/confined/child_process.py": (
        {"clock", "network"},
        "starts the process of foreign code, and waits for its answers",
    ),
    "tasks/user_code/confined/process_limits.py": ({"files"}, "how much memory a container has"),
    "tasks/user_code/confined/answer_loop.py": (
        {"environment", "files", "network"},
        "answers a flow through the socket that it was given; removes its folder for files of a short time",
    ),
    "tasks/serve/over_grpc/grpc_server.py": ({"files"}, "reads the certificate of the service"),
    "tasks/serve/made_features/side_process.py": ({"environment"}, "the process gets the variables without secrets"),
    "tasks/user_code/on_request/code_digest.py": ({"files"}, "reads the code of a project"),
    "tasks/user_code/on_request/served_code.py": ({"files"}, "reads the code of a project that is published"),
    "tasks/user_code/confined/confinement.py": ({"files"}, "lists the folders that may be read"),
    "tasks/train/adopted/adoption_process.py": ({"environment"}, "the process gets the variables without secrets"),
    "tasks/user_code/function_calls.py": ({"environment"}, "the process gets the variables without secrets"),
    "tasks/user_code/user_modules.py": ({"files"}, "loads a project's own modules"),
    "tasks/train/model_search/search_options.py": ({"clock"}, "the default stopwatch; a test hands another one in"),
    "tasks/whole_file.py": ({"files"}, "writes a file in one step for those that are named here"),
    "tasks/validate/acceptance/accepted_writes.py": ({"lake"}, "writes accepted rows, for the tasks of both packages"),
    "tasks/validate/acceptance/erased_findings.py": ({"lake"}, "rewrites findings that quote what is erased"),
    "tasks/validate/acceptance/subject_rows.py": ({"lake"}, "reads what is erased"),
    "tasks/validate/acceptance/without_subject.py": ({"lake"}, "rewrites what is erased"),
    "tasks/validate/acceptance/stored_rows.py": ({"lake"}, "reads the rows that a delivery is reconciled with"),
    "tasks/validate/contract/data_docs.py": ({"files"}, "Great Expectations writes its pages to a folder"),
    "tasks/validate/contract/gx_lock.py": ({"environment"}, "Great Expectations reads it when it is imported"),
    "tasks/validate/contract/suite.py": ({"files"}, "reads expectations.json"),
    "tasks/validate/verdict/check_rows.py": ({"files"}, "makes the folder for the rows of a large delivery"),
}
"""Modules outside the lake's own room that are doors, and why."""


@cache
def found() -> dict[str, set[Door]]:
    """Return the doors of every module; looked for by a test, not while tests are collected."""
    return doors()


def _stated(path: str) -> bool:
    return path.endswith("/task.py") or path.startswith(("tasks/lake/", *OUTER))


def test_modules_have_only_the_doors_they_are_named_for() -> None:
    allowed = {path: RIMS.get(path, (set(), ""))[0] for path in found() if not _stated(path)}
    extra = {path: sorted(found()[path] - named) for path, named in allowed.items() if found()[path] - named}
    assert not extra, "hand it in as an argument, or read it in the room's task.py"


def test_no_module_is_named_for_a_door_it_no_longer_has() -> None:
    stale = {path: sorted(named - found().get(path, set())) for path, (named, _) in RIMS.items()}
    assert not {path: missing for path, missing in stale.items() if missing}


def test_a_task_is_never_unwrapped() -> None:
    """The pure function of every Prefect task is exported, so nothing reads a task's `fn`."""
    sources = [path for folder in ("flows", "tasks", "tests") for path in (ROOT / folder).rglob("*.py")]
    reading = [path for path in sources if any(name == "fn" for name in attributes(path.read_text(encoding="utf-8")))]
    assert [path for path in reading if "bench" not in path.parts] == []
