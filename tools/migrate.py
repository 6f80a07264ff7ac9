"""Bring the database of DATABASE_URL to the newest schema: what the migrate function does at deployment."""

import os
import sys

from scheduler.adapters.postgres.migrate import migrate


def main() -> int:
    """Migrate, say what changed, and return the exit code."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        print(
            "say which database: make migrate DATABASE_URL=postgresql://user:password@host:5432/name", file=sys.stderr
        )
        return 2
    done = migrate(url)
    print(f"applied {', '.join(done.applied) or 'no new migration'}; {len(done.routines)} routines changed")
    print(f"the schema is at version {done.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
