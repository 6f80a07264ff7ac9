"""Make usage rows the sum over active allocations again, where the audit finds that they are not: `make repair-quota`.

Says what is wrong and changes nothing, unless told to --apply. Each row is counted and written under its lock, while
everything runs. DATABASE_URL names the database.
"""

import argparse
import os
import sys

from scheduler.adapters.postgres.connection import Database, NotAConnectionUrl
from scheduler.adapters.postgres.repairs import SIZES, PostgresRepairs, UsageRepair
from scheduler.domain.errors import Unavailable


def main(arguments: list[str] | None = None) -> int:
    """Look or repair, print a line a user, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make repair-quota", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="write the right numbers; without it nothing changes")
    asked = parser.parse_args(arguments)
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        return _fail("say which database: make repair-quota DATABASE_URL=postgresql://…")
    database = Database(lambda: url)
    try:
        return _repair(PostgresRepairs(database), apply=asked.apply)
    except NotAConnectionUrl:
        return _fail("DATABASE_URL cannot be used")
    except Unavailable as error:
        return _fail(f"the database does not answer: {error}")
    finally:
        database.close()


def _repair(repairs: PostgresRepairs, *, apply: bool) -> int:
    looked = [repairs.repair_usage(user, apply=apply) for user in repairs.wrong_usage()]
    wrong = [repair for repair in looked if repair.counted != repair.held]
    for repair in wrong:
        print(describe(repair))
    if not wrong:
        print("every usage row is right")
    elif apply:
        print(f"{len(wrong)} usage rows repaired")
    else:
        print(f"{len(wrong)} usage rows are wrong; nothing was changed: ARGS=--apply repairs them")
    return 0


def describe(repair: UsageRepair) -> str:
    """Tell one line of what a row says, and what it should."""
    differing = (size for size in SIZES if repair.counted[size] != repair.held[size])
    parts = (f"{size} {repair.counted[size]} -> {repair.held[size]}" for size in differing)
    return f"{repair.user.tenant_id}/{repair.user.user_id}: {', '.join(parts)}"


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
