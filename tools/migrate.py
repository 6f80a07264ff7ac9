"""Bring the database of DATABASE_URL to the newest schema: what the migrate function does at deployment."""

import os
import sys

from scheduler.runtime import migrate_database


def main() -> int:
    """Migrate, say what changed, and return the exit code."""
    if not os.environ.get("DATABASE_URL"):
        print("say which: make migrate DATABASE_URL=postgresql://user:password@host:5432/database", file=sys.stderr)
        return 2
    done = migrate_database()
    print(f"applied {', '.join(done['applied']) or 'no new migration'}; {len(done['routines'])} routines changed")
    print(f"the schema is at version {done['version']}; devices are chosen by {done['strategy']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
