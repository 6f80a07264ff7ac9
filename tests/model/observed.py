"""All rows that matter, in one round trip, and what the model says they are."""

from typing import Any

from scheduler.adapters.postgres.connection import Database
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.records import wire

_QUERY = """
    SELECT jsonb_build_object(
        'now', wire_time(scheduler_clock()),
        'allocations', (
            SELECT coalesce(jsonb_object_agg(id, jsonb_build_array(
                device_id, tenant_id, user_id, status, fencing_token, wire_time(allocated_at), wire_time(expires_at),
                wire_time(released_at), duration_seconds, renewal_count, renewed_minutes,
                wire_time(last_renewed_at), cpu_cores, memory_mb, storage_mb)), '{}')
              FROM device_allocations),
        'devices', (
            SELECT coalesce(jsonb_object_agg(id, jsonb_build_array(
                active_allocation_id, wire_time(busy_until), fence, is_free)), '{}') FROM devices),
        'usage', (
            SELECT coalesce(jsonb_object_agg(tenant_id || '|' || user_id,
                                             jsonb_build_array(devices, cpu_cores, memory_mb, storage_mb)), '{}')
              FROM quota_usage WHERE (devices, cpu_cores, memory_mb, storage_mb) <> (0, 0, 0, 0)),
        'events', (
            SELECT coalesce(jsonb_agg(jsonb_build_array(type, subject, group_id, data) ORDER BY id), '[]')
              FROM (SELECT * FROM outbox ORDER BY id DESC LIMIT %(last)s) newest),
        'event_count', (SELECT count(*) FROM outbox),
        'waiting_count', (SELECT count(*) FROM outbox WHERE published_at IS NULL))"""

LAST_EVENTS = 8
"""A step rarely writes more; their order is checked, and that no other came or went is seen by the count."""


def observed(database: Database) -> dict[str, Any]:
    """Read the rows."""
    rows: dict[str, Any] = database.call(_QUERY, {"last": LAST_EVENTS})
    return rows


def expected(model: MemoryAllocations) -> dict[str, Any]:
    """Say what they should be."""
    held = {a.device.id: a for a in model.active}
    users = {a.user for a in model.active}
    return {
        "now": wire(model.now),
        "allocations": {
            a.id: [
                a.device.id,
                a.user.tenant_id,
                a.user.user_id,
                a.status,
                a.fencing_token,
                wire(a.allocated_at),
                wire(a.expires_at),
                a.released_at and wire(a.released_at),
                a.duration_seconds,
                len(a.renewals),
                a.renewed_minutes,
                a.last_renewed_at and wire(a.last_renewed_at),
                *a.size,
            ]
            for a in model.allocations
        },
        "devices": {
            device.id: [
                held[device.id].id if device.id in held else None,
                wire(held[device.id].expires_at) if device.id in held else None,
                device.fence,
                device.is_free,
            ]
            for device in model.devices
        },
        "usage": {f"{user.tenant_id}|{user.user_id}": list(model.usage(user)) for user in users},
        "events": [[e.type, e.subject, e.group_id, e.data] for e in model.events[-LAST_EVENTS:]],
        "event_count": len(model.events),
        "waiting_count": sum(event.published_at is None for event in model.events),
    }
