"""I3 and I6 for renewals: each is one later end, one row of the history and one event, and no two of them merge."""

from scheduler.adapters.postgres.audit.check import Check, allocation_in, deleted_until
from scheduler.domain.audit import Invariant

# The history is numbered without gaps, each renewal begins where the one before it ended, and the last one ends as the
# allocation does. The first begins where the minutes that were claimed end; a reservation's own and an import's may
# end elsewhere.
RENEWALS_DIFFER = Check(
    "renewals differ",
    Invariant.ONE_EFFECT,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'renewalCount', a.renewal_count,
                              'renewals', h.renewals) AS offender
      FROM (SELECT * FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {slice}
               AND (renewal_count > 0 OR EXISTS (SELECT FROM allocation_renewals
                                                  WHERE allocation_id = device_allocations.id OFFSET 0))) a
     CROSS JOIN LATERAL (
           SELECT count(*) AS renewals, max(number) AS latest, max(renewed_at) AS renewed_at,
                  min(old_expires_at) AS since, max(new_expires_at) AS until, sum(additional_minutes) AS minutes,
                  bool_and((before IS NULL OR before = old_expires_at)
                           AND new_expires_at = old_expires_at + make_interval(mins => additional_minutes)) AS chained
             FROM (SELECT r.*, lag(new_expires_at) OVER (ORDER BY number) AS before
                     FROM allocation_renewals r WHERE r.allocation_id = a.id) r) h
     WHERE (h.renewals, coalesce(h.latest, 0), coalesce(h.minutes, 0))
           <> (a.renewal_count, a.renewal_count, a.renewed_minutes) OR NOT h.chained
        OR (h.until, h.renewed_at) IS DISTINCT FROM (a.expires_at, a.last_renewed_at)
        OR a.decision IS NOT NULL AND a.reservation_id IS NULL
           AND h.since <> a.allocated_at + make_interval(mins => a.duration_minutes)""",
)

# Each renewal has one event, of the same instant.
RENEWAL_EVENTS = Check(
    "renewal without its one event",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'number', r.number,
                              'events', e.events) AS offender
      FROM (SELECT id, device_id FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {{slice}} AND renewal_count > 0) a
     CROSS JOIN LATERAL (SELECT * FROM allocation_renewals
                          WHERE allocation_id = a.id AND renewed_at > {deleted_until("events")} OFFSET 0) r
     CROSS JOIN LATERAL (
           SELECT count(*) AS events FROM outbox o
            WHERE o.group_id IN (SELECT a.device_id
                                 UNION SELECT device_id FROM usage_records WHERE allocation_id = a.id)
              AND o.occurred_at = r.renewed_at
              AND o.type = 'scheduler.allocation.renewed' AND o.data ->> 'allocationId' = a.id::text) e
     WHERE e.events <> 1""",
)

# Each event of a renewal tells of one that is in the history, of its instant.
EVENT_RENEWAL = Check(
    "event without its renewal",
    Invariant.ONE_EVENT,
    f"""
    SELECT jsonb_build_object('eventId', o.event_id, 'deviceId', o.group_id,
                              'allocationId', o.data ->> 'allocationId') AS offender
      FROM (SELECT * FROM outbox
             WHERE {{slice}} AND occurred_at > {deleted_until("allocations")}
               AND type = 'scheduler.allocation.renewed') o
     WHERE NOT EXISTS (SELECT FROM allocation_renewals r
                        WHERE r.allocation_id = {allocation_in("o.data")} AND r.renewed_at = o.occurred_at OFFSET 0)""",
)
