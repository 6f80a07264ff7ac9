"""Begin a new key for the cursors of lists: `make rotate-cursor-key DATABASE_URL=… [ARGS=--retire]`.

Cursors that are out keep working by the key before, until the next rotation or `--retire`.
"""

import argparse
import os
import sys

from scheduler.adapters.postgres.connection import Database, NotAConnectionUrl
from scheduler.adapters.postgres.cursor_keys import KEPT_SECONDS, PostgresCursorKeys
from scheduler.domain.errors import Unavailable


def main(arguments: list[str] | None = None) -> int:
    """Rotate or retire, say what holds now, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retire", action="store_true", help="drop the key before, so that only the newest counts")
    asked = parser.parse_args(arguments)
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        print("say which database: make rotate-cursor-key DATABASE_URL=postgresql://…", file=sys.stderr)
        return 2
    database = Database(lambda: url)
    keys = PostgresCursorKeys(database)
    try:
        if asked.retire:
            keys.retire()
            print(f"only key {keys.current()[0]} counts now; functions know within {KEPT_SECONDS / 60:.0f} minutes")
        else:
            print(f"key {keys.rotate()} signs from now on; cursors of the key before still work")
    except (Unavailable, NotAConnectionUrl):
        print("the database does not answer, or has no key", file=sys.stderr)
        return 2
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
