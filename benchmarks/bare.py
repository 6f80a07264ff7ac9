"""The sweeps as bare SQL: for each batch one set-based statement with the locks, writes and events of the routine.

They are a floor, not a proposal: a statement has one snapshot, so what it decides may be stale when it has its locks.
The triggers of the tables (bills, `updated_at`) run for both.
"""

EXPIRE = """
WITH due AS MATERIALIZED (
    SELECT id, tenant_id, user_id, device_id FROM device_allocations
     WHERE status = 'allocated' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT %(limit)s
), held AS MATERIALIZED (
    SELECT tenant_id, user_id FROM quota_usage
     WHERE (tenant_id, user_id) IN (SELECT tenant_id, user_id FROM due) ORDER BY 1, 2 FOR UPDATE SKIP LOCKED
), locked AS MATERIALIZED (
    SELECT id FROM device_allocations
     WHERE id IN (SELECT due.id FROM due JOIN held USING (tenant_id, user_id)) AND status = 'allocated'
     ORDER BY id FOR UPDATE SKIP LOCKED
), lent AS MATERIALIZED (
    SELECT id FROM devices WHERE id IN (SELECT device_id FROM due JOIN locked USING (id)) ORDER BY id FOR UPDATE
), ended AS (
    UPDATE device_allocations a
       SET status = 'expired', released_at = clock.at,
           duration_seconds = floor(extract(epoch FROM expires_at - allocated_at))
      FROM (SELECT clock_timestamp() AS at, (SELECT count(*) FROM lent) AS locked) clock
     WHERE a.id IN (SELECT id FROM locked)
    RETURNING a.*
), freed AS (
    UPDATE devices d SET active_allocation_id = NULL, busy_until = NULL, failures_in_row = 0
      FROM ended WHERE d.id = ended.device_id AND d.active_allocation_id = ended.id
), restored AS (
    UPDATE quota_usage u
       SET devices = u.devices - given.devices, cpu_cores = u.cpu_cores - given.cpu_cores,
           memory_mb = u.memory_mb - given.memory_mb, storage_mb = u.storage_mb - given.storage_mb
      FROM (SELECT tenant_id, user_id, count(*) AS devices, sum(cpu_cores) AS cpu_cores, sum(memory_mb) AS memory_mb,
                   sum(storage_mb) AS storage_mb FROM ended GROUP BY 1, 2) given
     WHERE (u.tenant_id, u.user_id) = (given.tenant_id, given.user_id)
), told AS (
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    SELECT 'scheduler.allocation.expired', id, device_id, tenant_id,
           jsonb_build_object(
               'allocationId', id, 'deviceId', device_id, 'userId', user_id, 'tenantId', tenant_id,
               'allocatedAt', wire_time(allocated_at), 'expiredAt', wire_time(released_at),
               'durationSeconds', duration_seconds, 'quotaRestored', quota_share(cpu_cores, memory_mb, storage_mb)),
           released_at
      FROM ended
), counted AS (
    INSERT INTO allocation_counters AS c (tenant_id, shard, expired)
    SELECT tenant_id, 1, count(*) FROM ended GROUP BY tenant_id
        ON CONFLICT (tenant_id, shard) DO UPDATE SET expired = c.expired + excluded.expired
)
SELECT id::text, device_id, tenant_id, user_id, status, duration_seconds FROM ended"""


CLEANUP = """
WITH gone AS (
    DELETE FROM device_allocations
     WHERE id IN (SELECT id FROM device_allocations
                   WHERE status <> 'allocated' AND released_at < clock_timestamp() - make_interval(days => %(days)s)
                   ORDER BY released_at LIMIT %(limit)s)
    RETURNING 1
) SELECT 1 FROM gone"""

DISPATCH = """
WITH line AS MATERIALIZED (
    SELECT * FROM queue_entries WHERE status = 'waiting' ORDER BY rank, id LIMIT %(limit)s FOR UPDATE
), held AS MATERIALIZED (
    SELECT tenant_id, user_id FROM quota_usage
     WHERE (tenant_id, user_id) IN (SELECT tenant_id, user_id FROM line) ORDER BY 1, 2 FOR UPDATE
), free AS MATERIALIZED (
    SELECT * FROM devices WHERE is_free ORDER BY placement_score DESC LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), pairs AS MATERIALIZED (
    SELECT e.id AS entry, e.tenant_id, e.user_id, e.duration_minutes, e.joined_at, gen_random_uuid() AS allocation,
           d.id AS device, d.fence + 1 AS token, d.cpu_cores, d.memory_mb, d.storage_mb, d.placement_score, clock.at,
           clock.at + make_interval(mins => e.duration_minutes) AS expiry
      FROM (SELECT *, row_number() OVER (ORDER BY rank, id) AS place FROM line) e
      JOIN (SELECT *, row_number() OVER (ORDER BY placement_score DESC) AS place FROM free) d USING (place)
     CROSS JOIN (SELECT clock_timestamp() AS at, (SELECT count(*) FROM held) AS locked) clock
), lent AS (
    INSERT INTO device_allocations (
        id, device_id, user_id, tenant_id, allocated_at, expires_at, duration_minutes, fencing_token, cpu_cores,
        memory_mb, storage_mb, decision, created_at, updated_at)
    SELECT allocation, device, user_id, tenant_id, at, expiry, duration_minutes, token, cpu_cores, memory_mb,
           storage_mb, jsonb_build_object('strategy', 'resource_based', 'score', placement_score), at, at FROM pairs
), taken AS (
    UPDATE devices d SET active_allocation_id = allocation, busy_until = expiry, fence = token, last_allocated_at = at
      FROM pairs WHERE d.id = pairs.device
), used AS (
    UPDATE quota_usage u
       SET devices = u.devices + more.devices, cpu_cores = u.cpu_cores + more.cpu_cores,
           memory_mb = u.memory_mb + more.memory_mb, storage_mb = u.storage_mb + more.storage_mb
      FROM (SELECT tenant_id, user_id, count(*) AS devices, sum(cpu_cores) AS cpu_cores, sum(memory_mb) AS memory_mb,
                   sum(storage_mb) AS storage_mb FROM pairs GROUP BY 1, 2) more
     WHERE (u.tenant_id, u.user_id) = (more.tenant_id, more.user_id)
), ended AS (
    UPDATE queue_entries e SET status = 'fulfilled', ended_at = at, allocation_id = allocation, device_id = device
      FROM pairs WHERE e.id = pairs.entry
), told AS (
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    SELECT 'device.allocated', device, device, tenant_id,
           jsonb_build_object(
               'allocationId', allocation, 'deviceId', device, 'userId', user_id, 'tenantId', tenant_id,
               'allocatedAt', wire_time(at), 'expiresAt', wire_time(expiry), 'durationMinutes', duration_minutes,
               'fencingToken', token, 'remainingDevices', -1,
               'quotaUsed', quota_share(cpu_cores, memory_mb, storage_mb)), at FROM pairs
    UNION ALL
    SELECT 'scheduler.queue.fulfilled', entry::text, user_id, tenant_id,
           jsonb_build_object(
               'entryId', entry, 'userId', user_id, 'tenantId', tenant_id, 'endedAt', wire_time(at),
               'waitedSeconds', floor(extract(epoch FROM at - joined_at)), 'allocationId', allocation,
               'deviceId', device),
           at FROM pairs
), counted AS (
    INSERT INTO allocation_counters AS c (tenant_id, shard, granted)
    SELECT tenant_id, 1, count(*) FROM pairs GROUP BY tenant_id
        ON CONFLICT (tenant_id, shard) DO UPDATE SET granted = c.granted + excluded.granted
)
SELECT entry FROM pairs"""

RELAY = """
UPDATE outbox SET published_at = clock_timestamp()
 WHERE id IN (SELECT id FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT %(limit)s)
RETURNING event_id::text, type, subject, group_id, occurred_at, data"""
