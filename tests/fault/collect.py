"""Reads what a run has left: all rows of the database, in pages, and what the user service applied."""

from collections.abc import Iterator, Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database
from tests.fault.history import (
    AllocationRow,
    Effect,
    EntryRow,
    EventRow,
    KeyRow,
    RenewalRow,
    ReservationRow,
    UsageRow,
)
from tools.neighbours.books import Books

PAGE = 5000
"""Rows a statement, each well within the statement timeout."""

_ALLOCATIONS = (
    "SELECT id::text, device_id, tenant_id AS tenant, user_id AS user, status, allocated_at, expires_at, released_at,"
    " fencing_token, cpu_cores, memory_mb, storage_mb, duration_minutes, reservation_id::text FROM device_allocations"
    " WHERE %(id)s::uuid IS NULL OR device_allocations.id > %(id)s::uuid ORDER BY device_allocations.id LIMIT %(limit)s"
)
_RENEWALS = (
    "SELECT allocation_id::text, number, renewed_at, additional_minutes, old_expires_at, new_expires_at"
    " FROM allocation_renewals"
    " WHERE %(allocation_id)s::uuid IS NULL"
    " OR (allocation_renewals.allocation_id, number) > (%(allocation_id)s::uuid, %(number)s)"
    " ORDER BY allocation_renewals.allocation_id, number LIMIT %(limit)s"
)
_RESERVATIONS = (
    "SELECT id::text, tenant_id AS tenant, user_id AS user, device_id, status, starts_at, ends_at, created_at,"
    " executed_at, allocation_id::text FROM reservations"
    " WHERE %(id)s::uuid IS NULL OR reservations.id > %(id)s::uuid ORDER BY reservations.id LIMIT %(limit)s"
)
_ENTRIES = (
    "SELECT id::text, tenant_id AS tenant, user_id AS user, status, rank, duration_minutes, joined_at, expires_at,"
    " ended_at, allocation_id::text, device_id FROM queue_entries"
    " WHERE %(id)s::uuid IS NULL OR queue_entries.id > %(id)s::uuid ORDER BY queue_entries.id LIMIT %(limit)s"
)
_EVENTS = (
    "SELECT id AS position, event_id::text, type, group_id AS group, tenant_id AS tenant, data,"
    " published_at IS NOT NULL AS published, subject, occurred_at FROM outbox"
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


def rows_of(database: Database) -> dict[str, list[Any]]:
    """Read allocations, renewals, reservations, queue entries, events, usage and kept answers, as evidence has them."""
    return {
        "allocations": [AllocationRow(**row) for row in _pages(database, _ALLOCATIONS, "id")],
        "renewals": [RenewalRow(**row) for row in _pages(database, _RENEWALS, "allocation_id", "number")],
        "reservations": [ReservationRow(**row) for row in _pages(database, _RESERVATIONS, "id")],
        "entries": [EntryRow(**row) for row in _pages(database, _ENTRIES, "id")],
        "events": [EventRow(**row) for row in _pages(database, _EVENTS, "position")],
        "usage": [UsageRow(**row) for row in _pages(database, _USAGE, "tenant", "user")],
        "keys": [
            KeyRow(row["tenant"], row["key"], row["answer"])
            for row in _pages(database, _KEYS, "tenant", "caller", "route", "key")
        ],
    }


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
