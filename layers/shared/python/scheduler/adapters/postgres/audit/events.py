"""I3, I4 and I7 for events: each grant and end against the outbox, each event against its allocation.

A grant or an end and its event carry the same instant, so each is found by one probe. What retention may have deleted
proves nothing by being absent: `retention_marks` tells up to when it has.
"""

from scheduler.adapters.postgres.audit.check import Check, allocation_in, deleted_until, first_device_of
from scheduler.domain.audit import Invariant

# Each grant that was claimed has one event, of the same instant.
GRANT_EVENTS = Check(
    "grant without its one event",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'events', e.events) AS offender
      FROM (SELECT id, device_id, segment, allocated_at FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {{slice}} AND decision IS NOT NULL
               AND allocated_at > {deleted_until("events")}) a
     CROSS JOIN LATERAL (
           SELECT count(*) AS events FROM outbox o
            WHERE o.group_id = {first_device_of("a")} AND o.occurred_at = a.allocated_at AND o.type = 'device.allocated'
              AND o.data ->> 'allocationId' = a.id::text) e
     WHERE e.events <> 1""",
)

# Each adopted allocation has one event, at its adoption; one that says it was written earlier cannot be judged.
ADOPTION_EVENTS = Check(
    "adoption without its one event",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'events', e.events) AS offender
      FROM (SELECT id, device_id, segment FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {{slice}} AND decision IS NULL AND fencing_token > 0
               AND created_at > {deleted_until("events")}) a
     CROSS JOIN LATERAL (
           SELECT count(*) AS events FROM outbox o
            WHERE o.group_id = {first_device_of("a")} AND o.type = 'device.allocated'
              AND o.data ->> 'allocationId' = a.id::text) e
     WHERE e.events <> 1""",
)

# Each end has one event, of the same instant.
END_EVENTS = Check(
    "end without its one event",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'events', e.events) AS offender
      FROM (SELECT id, device_id, released_at FROM device_allocations
             WHERE status <> 'allocated' AND {{slice}} AND fencing_token > 0
               AND released_at > {deleted_until("events")}) a
     CROSS JOIN LATERAL (
           SELECT count(*) AS events FROM outbox o
            WHERE o.group_id = a.device_id AND o.occurred_at = a.released_at
              AND o.type IN ('device.released', 'scheduler.allocation.expired', 'scheduler.allocation.revoked')
              AND o.data ->> 'allocationId' = a.id::text) e
     WHERE e.events <> 1""",
)

# Each failover has one event, of the same instant, in the order of the device that it went to.
FAILOVER_EVENTS = Check(
    "failover without its one event",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'segment', u.segment,
                              'events', e.events) AS offender
      FROM (SELECT id, device_id, segment FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {{slice}} AND segment > 1) a
     CROSS JOIN LATERAL (
           SELECT left_one.segment, left_one.ended_at, coalesce(next_one.device_id, a.device_id) AS device_id
             FROM generate_series(1, a.segment - 1) number
             LEFT JOIN usage_records left_one
               ON (left_one.allocation_id, left_one.segment, left_one.kind) = (a.id, number, 'usage')
             LEFT JOIN usage_records next_one
               ON (next_one.allocation_id, next_one.segment, next_one.kind) = (a.id, number + 1, 'usage')) u
     CROSS JOIN LATERAL (
           SELECT count(*) AS events FROM outbox o
            WHERE o.group_id = u.device_id AND o.occurred_at = u.ended_at
              AND o.type = 'scheduler.allocation.failed_over' AND o.data ->> 'allocationId' = a.id::text) e
     WHERE e.events <> 1 AND coalesce(u.ended_at > {deleted_until("events")}, true)""",
)

# Each event of a grant or an end tells of an allocation that is there, of its device, its instant and its way to end.
EVENT_ALLOCATION = Check(
    "event without its allocation",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('eventId', o.event_id, 'type', o.type, 'deviceId', o.group_id, 'allocationId', a.id,
                              'status', a.status) AS offender
      FROM (SELECT * FROM outbox
             WHERE {{slice}} AND occurred_at > {deleted_until("allocations")}
               AND type IN ('device.allocated', 'device.released', 'scheduler.allocation.expired',
                            'scheduler.allocation.revoked')) o
      LEFT JOIN LATERAL (SELECT * FROM device_allocations WHERE id = {allocation_in("o.data")} OFFSET 0) a ON true
     WHERE a.id IS NULL
        OR o.group_id <> CASE o.type WHEN 'device.allocated' THEN {first_device_of("a")} ELSE a.device_id END
        OR CASE o.type WHEN 'device.allocated' THEN a.decision IS NOT NULL AND a.allocated_at <> o.occurred_at
           ELSE a.released_at IS DISTINCT FROM o.occurred_at
             OR a.status <> CASE o.type WHEN 'device.released' THEN 'released'
                            ELSE replace(o.type, 'scheduler.allocation.', '') END END""",
)

# No event waits for minutes: the relay sends each within seconds, or somebody must look why not. While SNS is away
# they may be millions, so the count ends at a hundred thousand.
EVENT_WAITS = Check(
    "event waits",
    Invariant.ONE_EVENT,
    """
    SELECT jsonb_build_object('eventId', event_id, 'type', type, 'groupId', group_id,
                              'occurredAt', wire_time(occurred_at)) AS offender
      FROM outbox WHERE published_at IS NULL AND occurred_at < scheduler_now() - interval '5 minutes'
     ORDER BY id LIMIT 100000""",
)

# No event was published before the one before it in its group.
EVENT_OVERTOOK = Check(
    "event overtook another",
    Invariant.ORDERED_EVENTS,
    """
    SELECT jsonb_build_object('eventId', o.event_id, 'groupId', o.group_id, 'before', p.event_id) AS offender
      FROM (SELECT id, event_id, group_id, occurred_at, published_at FROM outbox
             WHERE {slice} AND published_at IS NOT NULL) o
     CROSS JOIN LATERAL (
           SELECT b.event_id, b.published_at FROM outbox b
            WHERE b.group_id = o.group_id AND (b.occurred_at, b.id) < (o.occurred_at, o.id) AND b.id < o.id
            ORDER BY b.occurred_at DESC, b.id DESC LIMIT 1) p
     WHERE coalesce(p.published_at, 'infinity') > o.published_at""",
)

# An event belongs to the tenant of its allocation, inside and out.
EVENT_TENANT = Check(
    "event of another tenant",
    Invariant.OWN_TENANT,
    f"""
    SELECT jsonb_build_object('eventId', o.event_id, 'allocationId', a.id, 'tenantId', a.tenant_id,
                              'told', o.tenant_id) AS offender
      FROM (SELECT event_id, tenant_id, data FROM outbox WHERE {{slice}} AND data ? 'allocationId') o
     CROSS JOIN LATERAL (SELECT id, tenant_id FROM device_allocations WHERE id = {allocation_in("o.data")} OFFSET 0) a
     WHERE o.tenant_id IS DISTINCT FROM a.tenant_id OR o.data ->> 'tenantId' IS DISTINCT FROM a.tenant_id""",
)
