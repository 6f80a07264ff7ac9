"""I6 and I7 for idempotency keys, which are kept for a day. The keys themselves are not shown."""

from scheduler.adapters.postgres.audit.check import Check, allocation_in, deleted_until
from scheduler.domain.audit import Invariant

# A kept grant names an allocation that was granted while its key was held, which is for seconds.
GRANT_IS_MISSING = Check(
    "answer without its grant",
    Invariant.ONE_EFFECT,
    f"""
    SELECT jsonb_build_object('tenantId', k.tenant_id, 'route', k.route, 'keptAt', wire_time(k.created_at),
                              'allocationId', k.answer ->> 'allocationId') AS offender
      FROM (SELECT * FROM idempotency_keys
             WHERE {{slice}} AND answer ->> 'outcome' = 'granted' AND created_at > {deleted_until("allocations")}) k
     WHERE NOT EXISTS (
           SELECT FROM device_allocations a
            WHERE a.id = {allocation_in("k.answer")}
              AND a.allocated_at BETWEEN k.created_at AND k.created_at + interval '1 minute' OFFSET 0)""",
)

# No allocation is the answer of two keys. Both were held within a minute of its grant, or the check above tells.
GRANT_TWICE = Check(
    "grant under two keys",
    Invariant.ONE_EFFECT,
    """
    SELECT jsonb_build_object('tenantId', k.tenant_id, 'route', k.route, 'keptAt', wire_time(k.created_at),
                              'allocationId', k.answer ->> 'allocationId') AS offender
      FROM (SELECT * FROM idempotency_keys WHERE {slice} AND answer ->> 'outcome' = 'granted') k
     WHERE EXISTS (
           SELECT FROM idempotency_keys twin
            WHERE twin.created_at >= coalesce(%(low_0)s::timestamptz, '-infinity') - interval '1 minute'
              AND twin.created_at <= coalesce(%(high_0)s::timestamptz, 'infinity') + interval '1 minute'
              AND twin.answer ->> 'outcome' = 'granted'
              AND twin.answer ->> 'allocationId' = k.answer ->> 'allocationId'
              AND (twin.tenant_id, twin.caller, twin.route, twin.key) <> (k.tenant_id, k.caller, k.route, k.key))""",
)

# A key and its answer commit together; a key alone would block its caller for a day.
KEY_WITHOUT_ANSWER = Check(
    "key without an answer",
    Invariant.ONE_EFFECT,
    """
    SELECT jsonb_build_object('tenantId', tenant_id, 'route', route, 'keptAt', wire_time(created_at)) AS offender
      FROM idempotency_keys
     WHERE {slice} AND answer IS NULL AND created_at < scheduler_now() - interval '1 minute'""",
)

# A kept grant is one of the caller's tenant. Operators act across tenants.
KEY_TENANT = Check(
    "answer of another tenant",
    Invariant.OWN_TENANT,
    f"""
    SELECT jsonb_build_object('tenantId', a.tenant_id, 'route', k.route, 'keptAt', wire_time(k.created_at),
                              'allocationId', a.id, 'told', k.tenant_id) AS offender
      FROM (SELECT * FROM idempotency_keys
             WHERE {{slice}} AND answer ? 'allocationId' AND NOT starts_with(caller, 'operator:')) k
     CROSS JOIN LATERAL (SELECT id, tenant_id FROM device_allocations
                          WHERE id = {allocation_in("k.answer")} OFFSET 0) a
     WHERE a.tenant_id <> k.tenant_id""",
)
