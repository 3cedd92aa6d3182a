"""Databases that rows are read from and answers are written to: their addresses, sessions, errors and names in SQL."""

from tasks.databases.database_address import database_address, engine_of, file_of, is_there
from tasks.databases.duckdb_file import duckdb_batches, duckdb_session
from tasks.databases.open_writer import open_writer
from tasks.databases.postgresql import batches_of, session
from tasks.databases.sql_names import literal, quoted, relation_name
from tasks.databases.sqlite_file import sqlite_session
from tasks.databases.table_writer import ARROW, Kind, TableWriter

__all__ = [
    "ARROW",
    "Kind",
    "TableWriter",
    "batches_of",
    "database_address",
    "duckdb_batches",
    "duckdb_session",
    "engine_of",
    "file_of",
    "is_there",
    "literal",
    "open_writer",
    "quoted",
    "relation_name",
    "session",
    "sqlite_session",
]
