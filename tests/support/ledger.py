"""Proves that devices, allocations, quotas, events and counters tell one story."""

from collections.abc import Collection

from scheduler.adapters.postgres.connection import Database

DISAGREEMENTS = {
    "a device with two holders": """
        SELECT device_id FROM device_allocations WHERE status = 'allocated' GROUP BY device_id HAVING count(*) > 1""",
    "holds of a device that overlap in time": """
        SELECT a.id, b.id FROM device_allocations a JOIN device_allocations b
            ON a.device_id = b.device_id AND a.fencing_token < b.fencing_token
           AND coalesce(a.released_at, 'infinity') > b.allocated_at""",
    "a device that names another allocation than the active one": """
        SELECT d.id FROM devices d FULL JOIN (SELECT * FROM device_allocations WHERE status = 'allocated') a
            ON a.device_id = d.id
         WHERE d.active_allocation_id IS DISTINCT FROM a.id""",
    "a fencing token that did not increase": """
        SELECT device_id, fencing_token FROM device_allocations
         GROUP BY device_id, fencing_token HAVING count(*) > 1""",
    "usage that is not the sum of active allocations": """
        SELECT u.tenant_id, u.user_id FROM quota_usage u
         FULL JOIN (SELECT tenant_id, user_id, count(*) AS devices, sum(cpu_cores) AS cpu_cores,
                           sum(memory_mb) AS memory_mb, sum(storage_mb) AS storage_mb
                      FROM device_allocations WHERE status = 'allocated' GROUP BY tenant_id, user_id) held
           USING (tenant_id, user_id)
         WHERE (coalesce(u.devices, 0), coalesce(u.cpu_cores, 0), coalesce(u.memory_mb, 0), coalesce(u.storage_mb, 0))
            <> (coalesce(held.devices, 0), coalesce(held.cpu_cores, 0), coalesce(held.memory_mb, 0),
                coalesce(held.storage_mb, 0))""",
    "an allocation without exactly one event of its grant": """
        SELECT a.id FROM device_allocations a
         WHERE 1 <> (SELECT count(*) FROM outbox o
                      WHERE o.type = 'device.allocated' AND o.data ->> 'allocationId' = a.id::text)""",
    "an end without exactly one event, or an active allocation with one": """
        SELECT a.id, a.status FROM device_allocations a
         WHERE (a.status <> 'allocated')::int <> (
               SELECT count(*) FROM outbox o
                WHERE o.type IN ('device.released', 'scheduler.allocation.expired', 'scheduler.allocation.revoked')
                  AND o.data ->> 'allocationId' = a.id::text)""",
    "an event without its allocation": """
        SELECT o.id FROM outbox o
         WHERE o.data ? 'allocationId'
           AND NOT EXISTS (SELECT FROM device_allocations a WHERE a.id::text = o.data ->> 'allocationId')""",
    "counters that are not the count of rows": """
        SELECT 1 FROM
            (SELECT coalesce(sum(granted), 0) AS granted, coalesce(sum(released), 0) AS released,
                    coalesce(sum(expired), 0) AS expired FROM allocation_counters) c,
            (SELECT count(*) AS granted, count(*) FILTER (WHERE status = 'released') AS released,
                    count(*) FILTER (WHERE status = 'expired') AS expired FROM device_allocations) a
         WHERE (c.granted, c.released, c.expired) <> (a.granted, a.released, a.expired)""",
}


BEYOND_RETENTION = {
    "an allocation without exactly one event of its grant",
    "an end without exactly one event, or an active allocation with one",
    "an event without its allocation",
    "counters that are not the count of rows",
}
"""What cannot be told any more once the cleanup has deleted rows."""


def disagreements(database: Database, without: Collection[str] = ()) -> dict[str, list[dict[str, object]]]:
    """Name what does not agree, with the offending rows; empty when all does."""
    found = {what: database.rows(query, {}) for what, query in DISAGREEMENTS.items() if what not in without}
    return {what: rows for what, rows in found.items() if rows}


def assert_ledger_agrees(database: Database) -> None:
    """Fail with what does not agree."""
    assert disagreements(database) == {}
