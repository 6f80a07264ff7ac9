"""I1, I3 and I8 for reservations: what binds a device, what was made of it, and what was told of it."""

from scheduler.adapters.postgres.audit.check import Check, deleted_until, uuid_in
from scheduler.domain.audit import Invariant

PENDING = "status = 'pending'"
EXECUTING = "status = 'executing'"
ENDED = "status NOT IN ('pending', 'executing')"

# What is lent on a device ends before its next reservation begins, whoever owns that; an import could not know of it.
LENT_INTO_RESERVATION = Check(
    "lent into a reservation",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'reservationId', r.id) AS offender
      FROM (SELECT id, device_id, allocated_at, expires_at FROM device_allocations
             WHERE status = 'allocated' AND {slice} AND decision IS NOT NULL) a
     CROSS JOIN LATERAL (SELECT id FROM reservations
                          WHERE device_id = a.device_id AND status = 'pending'
                            AND starts_at < a.expires_at AND ends_at > a.allocated_at
                          ORDER BY starts_at LIMIT 1) r""",
)

# No pending reservation begins before what its device's row says. With the next check: the row says the earliest.
DEVICE_OVERLOOKS = Check(
    "device overlooks a reservation",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('reservationId', r.id, 'deviceId', r.device_id, 'startsAt', wire_time(r.starts_at),
                              'named', wire_time(d.next_reserved_at)) AS offender
      FROM (SELECT id, device_id, starts_at FROM reservations WHERE status = 'pending' AND {slice}) r
     CROSS JOIN LATERAL (SELECT next_reserved_at FROM devices WHERE id = r.device_id OFFSET 0) d
     WHERE d.next_reserved_at IS NULL OR d.next_reserved_at > r.starts_at""",
)

# And no device keeps itself free for a reservation that is not there.
DEVICE_NAMES_NO_RESERVATION = Check(
    "device names no reservation",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('deviceId', d.id, 'named', wire_time(d.next_reserved_at)) AS offender
      FROM (SELECT id, next_reserved_at FROM devices WHERE {slice}) d
     WHERE d.next_reserved_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM reservations r
                        WHERE r.device_id = d.id AND r.starts_at = d.next_reserved_at AND r.status = 'pending'
                       OFFSET 0)""",
)

# An executing reservation has its active allocation, of its user and on its device.
EXECUTING_WITHOUT_ALLOCATION = Check(
    "executing without its allocation",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('reservationId', r.id, 'deviceId', r.device_id, 'allocationId', r.allocation_id,
                              'status', a.status) AS offender
      FROM (SELECT * FROM reservations WHERE status = 'executing' AND {slice}) r
      LEFT JOIN LATERAL (SELECT * FROM device_allocations WHERE id = r.allocation_id OFFSET 0) a ON true
     WHERE (a.status, a.reservation_id, a.tenant_id, a.user_id, a.device_id)
           IS DISTINCT FROM ('allocated', r.id, r.tenant_id, r.user_id, r.device_id)""",
)

# And an active allocation that was made from a reservation is the one that it executes.
ALLOCATION_WITHOUT_RESERVATION = Check(
    "allocation without its reservation",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'reservationId', a.reservation_id,
                              'status', r.status) AS offender
      FROM (SELECT id, device_id, reservation_id FROM device_allocations
             WHERE status = 'allocated' AND {slice} AND reservation_id IS NOT NULL) a
      LEFT JOIN LATERAL (SELECT status, allocation_id FROM reservations WHERE id = a.reservation_id OFFSET 0) r ON true
     WHERE (r.status, r.allocation_id) IS DISTINCT FROM ('executing', a.id)""",
)

# What is due was served, moved or given up by the dispatch that came after: one period, and 30 seconds to work.
RESERVATION_WAITS = Check(
    "reservation waits",
    Invariant.ENDS_IN_TIME,
    """
    SELECT jsonb_build_object('reservationId', id, 'deviceId', device_id, 'startsAt', wire_time(starts_at),
                              'endsAt', wire_time(ends_at)) AS offender
      FROM reservations
     WHERE status = 'pending' AND starts_at < scheduler_now() - make_interval(secs => %(served_seconds)s)
     ORDER BY starts_at""",
)


def events_of(status: str) -> Check:
    """Compare each reservation of a state with its events: one of its making, of its execution and of its own end.

    That it is completed is told by the end of its allocation, changes and reminders by any number.
    """
    return Check(
        "reservation without its events",
        Invariant.ONE_EVENT,
        f"""
    SELECT jsonb_build_object('reservationId', r.id, 'status', r.status, 'events', to_jsonb(e)) AS offender
      FROM (SELECT *, status = 'cancelled' AS is_cancelled, status = 'failed' AS is_failed,
                   status = 'expired' AS is_expired FROM reservations WHERE {status} AND {{slice}}) r
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE type = 'scheduler.reservation.created') AS created,
                  count(*) FILTER (WHERE type = 'scheduler.reservation.executed') AS executed,
                  count(*) FILTER (WHERE type = 'scheduler.reservation.cancelled') AS cancelled,
                  count(*) FILTER (WHERE type = 'scheduler.reservation.failed') AS failed,
                  count(*) FILTER (WHERE type = 'scheduler.reservation.expired') AS expired
             FROM outbox o
            WHERE starts_with(type, 'scheduler.reservation.') AND o.subject = r.id::text
              AND o.tenant_id = r.tenant_id AND o.group_id = r.tenant_id || '|' || r.user_id) e
     CROSS JOIN (SELECT {deleted_until("events")} AS until) deleted
     WHERE r.created_at > deleted.until AND e.created <> 1
        OR r.executed_at IS NULL AND e.executed <> 0 OR r.executed_at > deleted.until AND e.executed <> 1
        OR r.updated_at > deleted.until + interval '1 minute'
           AND (e.cancelled, e.failed, e.expired) <> (r.is_cancelled::int, r.is_failed::int, r.is_expired::int)""",
    )


# Each event of a reservation tells of one that is there, to its own group and tenant.
EVENT_RESERVATION = Check(
    "event without its reservation",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('eventId', o.event_id, 'type', o.type, 'reservationId', o.subject) AS offender
      FROM (SELECT * FROM outbox
             WHERE {{slice}} AND starts_with(type, 'scheduler.reservation.')
               AND occurred_at > {deleted_until("reservations")} + interval '1 minute') o
      LEFT JOIN LATERAL (SELECT * FROM reservations WHERE id = {uuid_in("o.subject")} OFFSET 0) r ON true
     WHERE (o.tenant_id, o.group_id) IS DISTINCT FROM (r.tenant_id, r.tenant_id || '|' || r.user_id)""",
)
