"""I1 and I5: who holds a device, and with which fencing token.

Rows that came in past the claim have no `decision`. Where their fencing token is 0 they are history that was imported,
of which nothing is promised; others were adopted, and count from their adoption, which their times do not tell.
"""

from scheduler.adapters.postgres.audit.check import Check
from scheduler.domain.audit import Invariant

# Every active allocation is the one that its device names. So a device has one at most.
DEVICE_NAMES_ANOTHER = Check(
    "device names another",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id,
                              'named', d.active_allocation_id) AS offender
      FROM (SELECT id, device_id, fencing_token FROM device_allocations WHERE status = 'allocated' AND {slice}) a
      LEFT JOIN LATERAL (SELECT id, active_allocation_id FROM devices WHERE id = a.device_id OFFSET 0) d ON true
     WHERE d.active_allocation_id IS DISTINCT FROM a.id
       AND NOT (d.id IS NULL AND a.fencing_token = 0)""",
)

# And no device names one that is not active on it.
DEVICE_NAMES_ENDED = Check(
    "device names one that ended",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('deviceId', d.id, 'named', d.active_allocation_id) AS offender
      FROM (SELECT id, active_allocation_id FROM devices WHERE {slice}) d
     WHERE d.active_allocation_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM device_allocations a
                        WHERE a.id = d.active_allocation_id AND a.device_id = d.id AND a.status = 'allocated'
                       OFFSET 0)""",
)

# No hold begins before the one before it on the same device has ended; if each follows its predecessor, none overlap.
HOLDS_OVERLAP = Check(
    "holds overlap",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'before', p.id) AS offender
      FROM (SELECT id, device_id, allocated_at, fencing_token FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {slice} AND decision IS NOT NULL AND segment = 1) a
     CROSS JOIN LATERAL (
           SELECT b.id, b.released_at FROM device_allocations b
            WHERE b.device_id = a.device_id AND b.segment = 1
              AND (b.allocated_at, b.fencing_token, b.id) < (a.allocated_at, a.fencing_token, a.id)
              AND b.fencing_token > 0 AND (b.decision IS NOT NULL OR b.fencing_token < a.fencing_token)
            ORDER BY b.allocated_at DESC, b.fencing_token DESC, b.id DESC LIMIT 1) p
     WHERE coalesce(p.released_at, 'infinity') > a.allocated_at""",
)

# A grant's token is larger than that of the grant before it on the same device; an adopted row's is its own.
TOKEN_DID_NOT_RISE = Check(
    "token did not rise",
    Invariant.RISING_FENCE,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id,
                              'fencingToken', a.fencing_token) AS offender
      FROM (SELECT id, device_id, allocated_at, fencing_token, decision IS NOT NULL AS claimed FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {slice} AND fencing_token > 0 AND segment = 1) a
     WHERE CASE WHEN a.claimed THEN a.fencing_token <= (
               SELECT b.fencing_token FROM device_allocations b
                WHERE b.device_id = a.device_id AND b.decision IS NOT NULL AND b.segment = 1
                  AND (b.allocated_at, b.fencing_token, b.id) < (a.allocated_at, a.fencing_token, a.id)
                ORDER BY b.allocated_at DESC, b.fencing_token DESC, b.id DESC LIMIT 1)
           ELSE EXISTS (
               SELECT FROM device_allocations b
                WHERE b.device_id = a.device_id AND b.fencing_token = a.fencing_token AND b.id <> a.id)
           END""",
)

# An allocation that came to its device by failover was granted before, elsewhere: no other on the device begins before
# it came and ends after, or begins while it lasts; nor on a device that it left, while it was there.
MOVED_HOLDS_OVERLAP = Check(
    "moved holds overlap",
    Invariant.ONE_HOLDER,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', part.device_id, 'other', b.id) AS offender
      FROM (SELECT * FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {slice} AND segment > 1) a
     CROSS JOIN LATERAL (
           SELECT a.device_id, a.segment_started_at AS since, coalesce(a.released_at, 'infinity') AS until
            UNION ALL SELECT u.device_id, u.started_at, u.ended_at FROM usage_records u
                       WHERE u.allocation_id = a.id AND u.kind = 'usage' AND u.segment < a.segment) part
     CROSS JOIN LATERAL (
           (SELECT id, released_at, allocated_at FROM device_allocations
             WHERE device_id = part.device_id AND segment = 1 AND id <> a.id AND allocated_at < part.since
             ORDER BY allocated_at DESC, id DESC LIMIT 1)
            UNION ALL
           (SELECT id, released_at, allocated_at FROM device_allocations
             WHERE device_id = part.device_id AND segment = 1 AND id <> a.id AND allocated_at >= part.since
             ORDER BY allocated_at, id LIMIT 1)) b
     WHERE b.allocated_at < part.until AND coalesce(b.released_at, 'infinity') > part.since""",
)

# No token is larger than the last one that its device gave out: the next would repeat it.
FENCE_IS_BEHIND = Check(
    "fence is behind",
    Invariant.RISING_FENCE,
    """
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'fencingToken', a.fencing_token,
                              'fence', d.fence) AS offender
      FROM (SELECT id, device_id, fencing_token FROM device_allocations
             WHERE status = ANY (%(statuses)s) AND {slice}) a
     CROSS JOIN LATERAL (SELECT fence FROM devices WHERE id = a.device_id OFFSET 0) d
     WHERE a.fencing_token > d.fence""",
)
