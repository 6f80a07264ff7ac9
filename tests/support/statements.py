"""The statements of the functions as Postgres logs them, and those that would pin a session of a pooling proxy."""

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.sessions import administrator, eventually, one
from tools.embedded import PostgresServer

LOG_EVERYTHING: Mapping[str, str] = {
    "logging_collector": "on",
    "log_destination": "csvlog",
    "log_directory": "log",
    "log_filename": "statements.log",
    "log_statement": "all",
}
LONGEST_TEXT = 16 * 1024
_MESSAGE, _APPLICATION = 13, 22
_MARK = "the functions are done"
# A session keeps what these leave, so that a proxy must keep the session for one client.
_PINNING = re.compile(
    r"(?:^|;)\s*(?:SET|RESET|DISCARD|PREPARE|EXECUTE|DEALLOCATE|LISTEN|UNLISTEN|DECLARE|FETCH|BEGIN|START|LOAD"
    r"|CREATE\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP(?:ORARY)?)\b"
    r"|\bpg_(?:try_)?advisory_lock|\bset_config\s*\((?:[^()]|\([^()]*\))*,\s*(?:false|'f\w*')\s*\)"
    r"|\bINTO\s+TEMP(?:ORARY)?\b",
    re.IGNORECASE,
)
# What a session holds beyond its transaction, as Postgres itself tells.
LEFT_IN_THE_SESSION = """
    SELECT 'setting ' || name AS what FROM pg_settings
     WHERE source IN ('client', 'session') AND name NOT IN ('application_name', 'client_encoding')
    UNION ALL SELECT 'prepared statement ' || name FROM pg_prepared_statements
    UNION ALL SELECT 'channel ' || pg_listening_channels()
    UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE name <> ''
    UNION ALL SELECT 'advisory lock' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    UNION ALL SELECT 'temporary schema' WHERE pg_my_temp_schema() <> 0"""


def logged_statements(server: PostgresServer, application: str = "scheduler") -> list[str]:
    """Give what sessions of an application sent, as logged: `statement: …`."""
    with administrator(server.url) as session:
        one(session, f"SELECT '{_MARK}'")
    log = server.folder / "data" / "log" / "statements.csv"
    return eventually(lambda: _read(log, application))


def _read(log: Path, application: str) -> list[str] | None:
    rows = list(csv.reader(log.read_text().splitlines(keepends=True)))
    if not any(_MARK in row[_MESSAGE] for row in rows if len(row) > _APPLICATION):
        return None
    sent = [row[_MESSAGE] for row in rows if len(row) > _APPLICATION and row[_APPLICATION] == application]
    return [message for message in sent if re.match(r"statement|execute|parse|bind|fastpath", message)]


def pinning(messages: Iterable[str]) -> list[str]:
    """Choose the statements that would pin a session, or that are too long for a proxy to look at."""
    return [
        message
        for message in messages
        if _PINNING.search(message.removeprefix("statement: "))
        or not message.startswith("statement: ")
        or len(message.encode()) > LONGEST_TEXT
    ]
