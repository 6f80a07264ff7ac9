"""Count the device against the quota after the grant has committed."""

from typing import Any

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from tests.fault.planted.bug import Bug, respell
from tests.fault.planted.drama import Drama


def grant_without_counting(database: Database) -> None:
    """Take the counting out of the transaction."""
    respell(database, "lend_device", (r"UPDATE quota_usage\s+SET devices = devices \+ 1.*?;", ""))


def count_afterwards() -> None:
    """Make workers count in a statement of its own."""
    claim = PostgresAllocations.claim

    def claiming(self: PostgresAllocations, request: Any, terms: Any, *, last_attempt: bool) -> Any:
        facts = claim(self, request, terms, last_attempt=last_attempt)
        if facts["outcome"] == "granted":
            self._database.call(
                "UPDATE quota_usage u SET devices = u.devices + 1, cpu_cores = u.cpu_cores + a.cpu_cores,"
                " memory_mb = u.memory_mb + a.memory_mb, storage_mb = u.storage_mb + a.storage_mb"
                " FROM device_allocations a WHERE a.id = %(id)s::uuid"
                " AND (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id)",
                {"id": facts["allocationId"]},
            )
        return facts

    PostgresAllocations.claim = claiming  # type: ignore[method-assign]


def one_dies_after_its_grant(drama: Drama) -> None:
    """She holds a phone, and nobody counts it."""
    drama.die_with_a_grant(drama.ana)


BUG = Bug(
    "quota after commit",
    "quota",
    one_dies_after_its_grant,
    in_workers=count_afterwards,
    in_database=grant_without_counting,
)
