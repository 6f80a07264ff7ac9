"""Reads what a run has left: all rows of the database, in pages, and what the user service applied."""

from collections.abc import Iterator, Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database
from tests.fault.history import AllocationRow, Effect, EventRow, KeyRow, UsageRow
from tools.neighbours.books import Books

PAGE = 5000
"""Rows a statement, each well within the statement timeout."""

_ALLOCATIONS = (
    "SELECT id::text, device_id, tenant_id AS tenant, user_id AS user, status, allocated_at, expires_at, released_at,"
    " fencing_token, cpu_cores, memory_mb, storage_mb FROM device_allocations"
    " WHERE %(id)s::uuid IS NULL OR device_allocations.id > %(id)s::uuid ORDER BY device_allocations.id LIMIT %(limit)s"
)
_EVENTS = (
    "SELECT id AS position, event_id::text, type, group_id AS group, tenant_id AS tenant, data,"
    " published_at IS NOT NULL AS published FROM outbox"
    " WHERE id > coalesce(%(position)s, 0) ORDER BY outbox.id LIMIT %(limit)s"
)
_USAGE = (
    "SELECT tenant_id AS tenant, user_id AS user, devices, cpu_cores, memory_mb, storage_mb FROM quota_usage"
    " WHERE (tenant_id, user_id) > (coalesce(%(tenant)s, ''), coalesce(%(user)s, ''))"
    " ORDER BY tenant_id, user_id LIMIT %(limit)s"
)
_KEYS = (
    "SELECT tenant_id AS tenant, caller, route, key, answer FROM idempotency_keys"
    " WHERE (tenant_id, caller, route, key)"
    " > (coalesce(%(tenant)s, ''), coalesce(%(caller)s, ''), coalesce(%(route)s, ''), coalesce(%(key)s, ''))"
    " ORDER BY tenant_id, caller, route, key LIMIT %(limit)s"
)


def rows_of(database: Database) -> tuple[list[AllocationRow], list[EventRow], list[UsageRow], list[KeyRow]]:
    """Read allocations, events, usage and kept answers."""
    return (
        [AllocationRow(**row) for row in _pages(database, _ALLOCATIONS, "id")],
        [EventRow(**row) for row in _pages(database, _EVENTS, "position")],
        [UsageRow(**row) for row in _pages(database, _USAGE, "tenant", "user")],
        [
            KeyRow(row["tenant"], row["key"], row["answer"])
            for row in _pages(database, _KEYS, "tenant", "caller", "route", "key")
        ],
    )


def effects_of(books: Books) -> list[Effect]:
    """Give what the user service applied, in order."""
    return [
        Effect(applied["key"], applied["tenantId"], applied["userId"], applied["operation"], applied["deviceId"])
        for applied in books.usage()["applied"]
    ]


def _pages(database: Database, query: str, *cursor: str) -> Iterator[Mapping[str, Any]]:
    after: dict[str, Any] = dict.fromkeys(cursor)
    while page := database.rows(query, {**after, "limit": PAGE}):
        yield from page
        after = {name: page[-1][name] for name in cursor}
