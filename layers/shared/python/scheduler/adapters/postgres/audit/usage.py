"""I2: what users hold, and the running totals."""

from scheduler.adapters.postgres.audit.check import Check
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
