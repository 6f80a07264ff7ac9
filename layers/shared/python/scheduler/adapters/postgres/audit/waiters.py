"""I3 and I9 for the queue: who waits for too long, what was made of a wait, and what was told of it."""

from scheduler.adapters.postgres.audit.check import Check, deleted_until, uuid_in
from scheduler.domain.audit import Invariant

WAITING = "status = 'waiting'"
ENDED = "status <> 'waiting'"

# A wait that is over was ended by the dispatch that came after: one period, and 30 seconds to work.
WAIT_OVERDUE = Check(
    "wait overdue",
    Invariant.BOUNDED_WAIT,
    """
    SELECT jsonb_build_object('entryId', id, 'tenantId', tenant_id, 'expiresAt', wire_time(expires_at)) AS offender
      FROM queue_entries
     WHERE status = 'waiting' AND expires_at < scheduler_now() - make_interval(secs => %(served_seconds)s)
     ORDER BY expires_at""",
)

# Nobody waits for long beside a free device that she could have. The device has stood there unchanged for the whole
# time, and she has ended nothing meanwhile that would have been in the way of her quota.
WAITER_PASSED_OVER = Check(
    "waiter passed over",
    Invariant.BOUNDED_WAIT,
    """
    SELECT jsonb_build_object('entryId', e.id, 'tenantId', e.tenant_id, 'deviceId', d.id,
                              'joinedAt', wire_time(e.joined_at), 'termsReadAt', wire_time(e.terms_read_at)) AS offender
      FROM (SELECT scheduler_now() AS at, scheduler_now() - make_interval(secs => %(served_seconds)s) AS since) t
     CROSS JOIN LATERAL (SELECT * FROM queue_entries
                          WHERE status = 'waiting' AND {slice} AND joined_at < t.since OFFSET 0) e
      LEFT JOIN LATERAL (SELECT * FROM quota_usage
                          WHERE tenant_id = e.tenant_id AND user_id = e.user_id OFFSET 0) u ON true
     CROSS JOIN LATERAL (
           SELECT free.id FROM spec_classes c
            CROSS JOIN LATERAL (SELECT id FROM devices
                                 WHERE class_id = c.id AND is_free AND updated_at < t.since
                                   AND (next_reserved_at IS NULL
                                        OR next_reserved_at >= t.at + make_interval(mins => e.duration_minutes))
                                 ORDER BY placement_score DESC LIMIT 1) free
            WHERE can_be_served(e, u, c, NULL, t.at) LIMIT 1) d
     WHERE NOT EXISTS (SELECT FROM device_allocations a
                        WHERE a.status <> 'allocated' AND a.released_at > t.since
                          AND a.tenant_id = e.tenant_id AND a.user_id = e.user_id OFFSET 0)""",
)

# A device is kept for somebody who waits.
HELD_FOR_NOBODY = Check(
    "device held for nobody",
    Invariant.BOUNDED_WAIT,
    """
    SELECT jsonb_build_object('deviceId', d.id, 'entryId', d.held_for) AS offender
      FROM (SELECT id, held_for FROM devices WHERE {slice}) d
     WHERE d.held_for IS NOT NULL
       AND NOT EXISTS (SELECT FROM queue_entries WHERE id = d.held_for AND status = 'waiting' OFFSET 0)""",
)

# A fulfilled wait ended with an allocation of the same user, on the device that it names.
FULFILLED_WITHOUT_ALLOCATION = Check(
    "fulfilled without its allocation",
    Invariant.BOUNDED_WAIT,
    f"""
    SELECT jsonb_build_object('entryId', e.id, 'tenantId', e.tenant_id, 'allocationId', e.allocation_id) AS offender
      FROM (SELECT * FROM queue_entries
             WHERE status <> 'waiting' AND {{slice}} AND status = 'fulfilled'
               AND ended_at > {deleted_until("allocations")}) e
      LEFT JOIN LATERAL (SELECT * FROM device_allocations WHERE id = e.allocation_id OFFSET 0) a ON true
     WHERE (a.tenant_id, a.user_id, a.device_id) IS DISTINCT FROM (e.tenant_id, e.user_id, e.device_id)
        OR a.allocated_at NOT BETWEEN e.ended_at - interval '1 minute' AND e.ended_at + interval '1 minute'""",
)


def events_of(status: str) -> Check:
    """Compare each entry of a state with its events: one of the join, and one of the way it ended."""
    return Check(
        "queue entry without its events",
        Invariant.ONE_EVENT,
        f"""
    SELECT jsonb_build_object('entryId', q.id, 'status', q.status, 'events', to_jsonb(e)) AS offender
      FROM (SELECT *, status = 'fulfilled' AS is_fulfilled, status = 'expired' AS is_expired,
                   status = 'cancelled' AS is_cancelled FROM queue_entries WHERE {status} AND {{slice}}) q
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE type = 'scheduler.queue.joined') AS joined,
                  count(*) FILTER (WHERE type = 'scheduler.queue.fulfilled') AS fulfilled,
                  count(*) FILTER (WHERE type = 'scheduler.queue.expired') AS expired,
                  count(*) FILTER (WHERE type = 'scheduler.queue.cancelled') AS cancelled
             FROM outbox o
            WHERE starts_with(type, 'scheduler.queue.') AND o.subject = q.id::text
              AND o.tenant_id = q.tenant_id AND o.group_id = q.tenant_id || '|' || q.user_id) e
     CROSS JOIN (SELECT {deleted_until("events")} AS until) deleted
     WHERE q.joined_at > deleted.until AND e.joined <> 1
        OR coalesce(q.ended_at, 'infinity') > deleted.until
           AND (e.fulfilled, e.expired, e.cancelled)
            <> (q.is_fulfilled::int, q.is_expired::int, q.is_cancelled::int)""",
    )


# Each event of the queue tells of an entry that is there, to its own group and tenant.
EVENT_ENTRY = Check(
    "event without its queue entry",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('eventId', o.event_id, 'type', o.type, 'entryId', o.subject) AS offender
      FROM (SELECT * FROM outbox
             WHERE {{slice}} AND starts_with(type, 'scheduler.queue.')
               AND occurred_at > {deleted_until("queue_entries")}) o
      LEFT JOIN LATERAL (SELECT * FROM queue_entries WHERE id = {uuid_in("o.subject")} OFFSET 0) q ON true
     WHERE (o.tenant_id, o.group_id) IS DISTINCT FROM (q.tenant_id, q.tenant_id || '|' || q.user_id)""",
)
