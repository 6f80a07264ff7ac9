"""Migrate each database whose URL comes in as a line, and answer with the version that it then has."""

import sys

from scheduler.adapters.postgres.migrate import migrate

if __name__ == "__main__":
    for line in sys.stdin:
        print(migrate(line.strip()).version, flush=True)  # noqa: T201  the answer
