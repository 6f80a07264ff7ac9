"""PgBouncer from Debian in front of the embedded Postgres, as a stand-in for any proxy that pools transactions."""

from tools.pgbouncer.server import PgBouncer, pgbouncer

__all__ = ["PgBouncer", "pgbouncer"]
