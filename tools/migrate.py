"""Bring the database of DATABASE_URL to the newest schema: what the migrate function does at deployment."""

import os
import sys

import psycopg2

from scheduler.adapters.postgres.connection import NotAConnectionUrl
from scheduler.adapters.postgres.migrate import MigrationChanged
from scheduler.domain.errors import Unavailable
from scheduler.runtime.migration import migrate_database
from scheduler.settings import ConfigurationError

_EXAMPLE = "make migrate DATABASE_URL=postgresql://user:password@host:5432/database"


def main() -> int:
    """Migrate, say what changed or what is wrong, and return the exit code."""
    if not os.environ.get("DATABASE_URL", "").strip():
        return _fail(f"say which database: {_EXAMPLE}")
    try:
        done = migrate_database()
    except (psycopg2.OperationalError, Unavailable) as error:
        return _fail(f"the database does not answer: {str(error).strip()}")
    except NotAConnectionUrl:
        return _fail(f"DATABASE_URL cannot be used; it looks like this: {_EXAMPLE}")
    except ConfigurationError as error:
        return _fail(str(error))
    except MigrationChanged as changed:
        return _fail(f"{changed} was applied with another text: migrations are never edited, only added")
    print(f"applied {', '.join(done['applied']) or 'no new migration'}; {len(done['routines'])} routines changed")
    print(f"the schema is at version {done['version']}; devices are chosen by {done['strategy']}")
    return 0


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
