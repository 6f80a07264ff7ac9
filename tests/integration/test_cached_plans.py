"""A session's plans were made for the tables it met first; they must serve the tables that grow under it."""

from collections.abc import Callable

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import ReleaseRequest
from tests.support.contenders import add_devices, allocator_on, request

MORE_THAN_A_GENERIC_PLAN_NEEDS = 8
HISTORY = """
INSERT INTO device_allocations (device_id, user_id, tenant_id, status, released_at, fencing_token)
SELECT 'gone-' || n, 'user-' || n, 'acme', 'released', now(), 1 FROM generate_series(1, 5000) n;
INSERT INTO quota_usage (tenant_id, user_id) SELECT 'acme', 'user-' || n FROM generate_series(1, 5000) n;
"""


def cycle(database: Database) -> None:
    """Lend a device and take it back."""
    grant = allocator_on(database).allocate(request("alice"))
    PostgresAllocations(database).release(ReleaseRequest("acme", "alice", grant.device_id))


def sweep(database: Database) -> None:
    """End what is overdue."""
    database.rows("SELECT expire_due(100)", {})


@pytest.mark.parametrize("work", [cycle, sweep])
def test_a_session_that_began_with_empty_tables_does_not_scan_them_later(
    database: Database, work: Callable[[Database], None]
) -> None:
    add_devices(database, 5)
    database.call("VACUUM ANALYZE", {})  # now the planner knows: nothing there, a scan is free
    for _ in range(MORE_THAN_A_GENERIC_PLAN_NEEDS):
        work(database)
    database.call(HISTORY, {})
    before = rows_scanned(database)

    work(database)

    assert rows_scanned(database) == before


def rows_scanned(database: Database) -> int:
    """Give how many rows whole-table scans have read of the tables that grow."""
    database.call("SELECT pg_stat_force_next_flush()", {})
    database.call("SELECT pg_stat_clear_snapshot()", {})
    return int(
        database.call(
            "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('device_allocations', 'quota_usage')",
            {},
        )
    )
