"""Puts right what the audit found, by hand: usage rows that are not the sum over active allocations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.adapters.postgres.audit.usage import USAGE_DIFFERS
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import User

SIZES = ("devices", "cpu_cores", "memory_mb", "storage_mb")
MOST = 1000


@dataclass(frozen=True, slots=True)
class UsageRepair:
    """What a user's row said, and what she holds; by the names of SIZES."""

    user: User
    counted: Mapping[str, int]
    held: Mapping[str, int]


class PostgresRepairs:
    """The routine settles the races; see routines/repair_usage.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def wrong_usage(self) -> list[User]:
        """Name up to MOST users whose usage is wrong just now: read without locks."""
        rows = self._database.rows(
            USAGE_DIFFERS.statement.replace("{slice}", "true") + " LIMIT %(most)s", {"most": MOST}
        )
        return [User(row["offender"]["tenantId"], row["offender"]["userId"]) for row in rows]

    def repair_usage(self, user: User, *, apply: bool) -> UsageRepair:
        """Make a user's row right under its lock, or only look."""
        answer: dict[str, Any] = self._database.call(
            "SELECT repair_usage(%(tenant)s, %(user)s, %(apply)s)",
            {"tenant": user.tenant_id, "user": user.user_id, "apply": apply},
        )
        counted, held = ({size: int(answer[row][size]) for size in SIZES} for row in ("counted", "held"))
        return UsageRepair(user, counted, held)
