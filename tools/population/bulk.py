"""Many rows at once: indexes and constraints come after the rows, row triggers do not run."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812  its own name, as a type

from tools.population.size import Tell

BULKY = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_checkpoints": "off",
}
"""Settings of a server that takes in millions of rows at once."""

# Foreign keys first, then what they refer to, then plain indexes; made again in the other order.
_DROPPED = """
SELECT CASE WHEN c.contype = 'f' THEN 0 ELSE 1 END AS turn, c.conname::text AS name,
       format('ALTER TABLE %%s DROP CONSTRAINT %%I', c.conrelid::regclass, c.conname) AS undo,
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
  FROM pg_constraint c
 WHERE c.contype IN ('p', 'u', 'x', 'f')
   AND (c.conrelid = ANY (%(tables)s::regclass[]) OR c.confrelid = ANY (%(tables)s::regclass[]))
UNION ALL
SELECT 2, i.indexrelid::regclass::text, format('DROP INDEX %%s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
  FROM pg_index i
 WHERE i.indrelid = ANY (%(tables)s::regclass[])
   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
 ORDER BY 1, 2"""


@contextmanager
def session(url: str) -> Iterator[Cursor]:
    """Open a session for long statements, in autocommit; its rows are vacuumed at the end."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        # While a commit is not flushed, VACUUM marks no page of it all-visible, and index-only scans read the table.
        cursor.execute("SET synchronous_commit = on; SET statement_timeout = 0; SET work_mem = '256MB'")
        yield cursor
        cursor.execute("VACUUM (FREEZE, ANALYZE)")


@contextmanager
def bulk(cursor: Cursor, tables: Sequence[str], tell: Tell) -> Iterator[None]:
    """Take indexes, constraints and triggers off the tables, and give them back at the end."""
    cursor.execute(_DROPPED, {"tables": list(tables)})
    known = cursor.fetchall()
    cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
    for _, _, undo, _ in known:
        cursor.execute(undo)
    yield
    for _, name, _, redo in sorted(known, key=lambda each: (1, 2, 0).index(each[0])):
        tell(f"index {name}")
        cursor.execute(redo)
    cursor.execute("RESET session_replication_role; RESET maintenance_work_mem")
