"""How large tables and indexes are, and how much of them is dead."""

from collections.abc import Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database

type Sizes = Mapping[str, Mapping[str, Any]]

_QUERY = """
SELECT s.relname AS name, pg_table_size(s.relid) AS table_bytes, pg_indexes_size(s.relid) AS index_bytes,
       s.n_live_tup AS live, s.n_dead_tup AS dead
  FROM pg_stat_user_tables s ORDER BY s.relname"""


def sizes(database: Database) -> Sizes:
    """Read them for each table of the schema."""
    return {row.pop("name"): row for row in database.rows(_QUERY, {})}
