"""I2: what users hold, the running totals, and what is billed."""

from scheduler.adapters.postgres.audit.check import Check, deleted_until
from scheduler.domain.audit import Invariant

# What the quota counts against a user is the sum over her active allocations.
USAGE_DIFFERS = Check(
    "usage differs",
    Invariant.EXACT_QUOTA,
    """
    SELECT jsonb_build_object('tenantId', tenant_id, 'userId', user_id, 'counted', coalesce(u.devices, 0),
                              'active', coalesce(held.devices, 0)) AS offender
      FROM (SELECT * FROM quota_usage WHERE {slice}) u
      FULL JOIN (SELECT tenant_id, user_id, count(*) AS devices, sum(cpu_cores) AS cpu_cores,
                        sum(memory_mb) AS memory_mb, sum(storage_mb) AS storage_mb
                   FROM device_allocations WHERE status = 'allocated' AND {slice} GROUP BY tenant_id, user_id) held
     USING (tenant_id, user_id)
     WHERE (coalesce(u.devices, 0), coalesce(u.cpu_cores, 0), coalesce(u.memory_mb, 0), coalesce(u.storage_mb, 0))
        <> (coalesce(held.devices, 0), coalesce(held.cpu_cores, 0), coalesce(held.memory_mb, 0),
            coalesce(held.storage_mb, 0))""",
)

# What was granted to a tenant and has not ended is active now. Totals have no slices: all that is active is read.
TOTALS_DIFFER = Check(
    "totals differ",
    Invariant.EXACT_QUOTA,
    """
    SELECT jsonb_build_object('tenantId', tenant_id, 'counted', coalesce(c.open, 0),
                              'active', coalesce(held.devices, 0)) AS offender
      FROM (SELECT tenant_id, sum(granted - released - expired - revoked) AS open
              FROM allocation_counters GROUP BY tenant_id) c
      FULL JOIN (SELECT tenant_id, count(*) AS devices FROM device_allocations
                  WHERE status = 'allocated' GROUP BY tenant_id) held USING (tenant_id)
     WHERE coalesce(c.open, 0) <> coalesce(held.devices, 0)""",
)

# What ended is billed once, to the second: a record for each device that served it, one after the other, and no credit
# beyond the time of its device.
BILL_DIFFERS = Check(
    "bill differs",
    Invariant.EXACT_QUOTA,
    f"""
    SELECT jsonb_build_object('allocationId', a.id, 'deviceId', a.device_id, 'durationSeconds', a.duration_seconds,
                              'billed', b.seconds, 'records', b.records) AS offender
      FROM (SELECT id, device_id, segment, duration_seconds FROM device_allocations
             WHERE status <> 'allocated' AND {{slice}} AND fencing_token > 0
               AND released_at > {deleted_until("usage_records")}) a
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE u.kind = 'usage') AS records,
                  coalesce(sum(u.seconds) FILTER (WHERE u.kind = 'usage'), 0) AS seconds,
                  max(u.segment) AS latest, bool_or(u.kind = 'credit' AND u.seconds > used.seconds) AS over_credited
             FROM usage_records u
             LEFT JOIN usage_records used
               ON (used.allocation_id, used.segment, used.kind) = (u.allocation_id, u.segment, 'usage')
            WHERE u.allocation_id = a.id) b
     WHERE (b.records, b.latest, b.seconds) IS DISTINCT FROM (a.segment, a.segment, a.duration_seconds)
        OR b.over_credited""",
)
