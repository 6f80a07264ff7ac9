"""The rows of a population, each table by one statement.

A number is spread over the fleet by a prime that is larger than any fleet: a bijection, so that neighbours in time or
in the order of ids have nothing else in common. What is told twice (usage, counters, fences, bills) is told alike.
"""

CLASSES = """
INSERT INTO spec_classes (pool, device_type, cpu_cores, memory_mb, storage_mb)
SELECT CASE WHEN n %% 10 = 0 THEN 'tenant-1' ELSE '' END, 'android-' || 12 + n %% 3, 2 << n %% 3, 2048 << n %% 4, 32768
  FROM generate_series(1, 60) n ON CONFLICT DO NOTHING"""

DEVICES = """
INSERT INTO devices (id, name, device_type, cpu_cores, memory_mb, storage_mb, adb_host, adb_port, tenant_id, class_id,
                     placement_score, fence, created_at, updated_at)
SELECT 'device-' || lpad(number::text, 7, '0'), 'phone-' || number, c.device_type, c.cpu_cores, c.memory_mb,
       c.storage_mb, '10.0.0.7', 5555, nullif(c.pool, ''), c.id,
       placement_score((SELECT name FROM placement_strategy), c.cpu_cores, c.memory_mb, c.storage_mb,
                       number %% 91, number %% 89, number %% 97, NULL),
       %(ended)s / %(devices)s + (slot < %(ended)s %% %(devices)s)::int, %(since)s, %(since)s
  FROM (SELECT slot, slot::bigint * 2654435761 %% %(devices)s AS number
          FROM generate_series(0, %(devices)s - 1) slot ORDER BY 2) spread
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS kinds FROM spec_classes) c
    ON c.place = number %% c.kinds"""

HEARTBEATS = """
INSERT INTO device_heartbeats (device_id, cpu_usage, memory_usage, storage_usage, observed_at)
SELECT 'device-' || lpad(number::text, 7, '0'), number %% 91, number %% 89, number %% 97, %(at)s
  FROM generate_series(0, %(devices)s - 1) number"""

# In the order of time, as such rows come. Every third ended by time, 20 s late as by a sweep.
HISTORY = """
INSERT INTO device_allocations (id, device_id, user_id, tenant_id, status, allocated_at, expires_at, released_at,
                                duration_minutes, duration_seconds, fencing_token, cpu_cores, memory_mb, storage_mb,
                                decision, created_at, updated_at)
SELECT gen_random_uuid(), 'device-' || lpad(number::text, 7, '0'), 'user-' || holder, 'tenant-' || holder %% 20,
       CASE WHEN expired THEN 'expired' ELSE 'released' END, began, began + interval '1 hour',
       began + CASE WHEN expired THEN interval '1 hour 20 seconds' ELSE make_interval(mins => minutes) END,
       60, CASE WHEN expired THEN 3600 ELSE minutes * 60 END, 1 + n / %(devices)s, c.cpu_cores, c.memory_mb,
       c.storage_mb, '{"score": 70, "strategy": "resource_based"}', began,
       began + CASE WHEN expired THEN interval '1 hour 20 seconds' ELSE make_interval(mins => minutes) END
  FROM (SELECT n, (n %% %(devices)s)::bigint * 2654435761 %% %(devices)s AS number,
               n::bigint * 982451653 %% %(users)s AS anybody, n %% 3 = 0 AS expired, 10 + n %% 50 AS minutes,
               %(since)s + n * (interval '28 days' / %(ended)s) AS began
          FROM generate_series(0, %(ended)s - 1) n) past
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS kinds FROM spec_classes) c
    ON c.place = number %% c.kinds
 CROSS JOIN LATERAL (SELECT CASE c.pool WHEN '' THEN anybody ELSE anybody - anybody %% 20 + 1 END AS holder) whose"""

BILLS = """
INSERT INTO usage_records (allocation_id, segment, tenant_id, user_id, device_id, device_name, cpu_cores, memory_mb,
                           storage_mb, started_at, ended_at, seconds, recorded_at, delivered_at)
SELECT id, 1, tenant_id, user_id, device_id, 'phone-' || substr(device_id, 8)::int, cpu_cores, memory_mb,
       storage_mb, allocated_at, least(released_at, expires_at), duration_seconds, released_at,
       CASE WHEN released_at < %(at)s - interval '4 hours' THEN released_at END
  FROM device_allocations WHERE status <> 'allocated'"""

USERS = """
INSERT INTO quota_usage (tenant_id, user_id)
SELECT 'tenant-' || n %% 20, 'user-' || n FROM generate_series(0, %(users)s - 1) n"""

COUNTERS = """
INSERT INTO allocation_counters AS c (tenant_id, shard, granted, released, expired)
SELECT tenant_id, 0, count(*), count(*) FILTER (WHERE status = 'released'), count(*) FILTER (WHERE status = 'expired')
  FROM device_allocations GROUP BY tenant_id"""

# Each device's lie in days of their own, from the day after tomorrow: what is lent now has ended by then.
RESERVATIONS = """
INSERT INTO reservations (tenant_id, user_id, device_id, starts_at, ends_at, duration_minutes, remind_at, created_at,
                          updated_at)
SELECT 'tenant-' || holder %% 20, 'user-' || holder, 'device-' || lpad(number::text, 7, '0'), starts_at,
       starts_at + interval '1 hour', 60, starts_at - interval '15 minutes', %(since)s, %(since)s
  FROM (SELECT (n %% %(devices)s)::bigint * 1000000007 %% %(devices)s AS number,
               n::bigint * 982451653 %% %(users)s AS anybody,
               date_trunc('hour', %(at)s) + interval '2 days'
               + n / %(devices)s * make_interval(days => (30 / rounds)::int)
               + n::bigint * 104729 %% (30 / rounds * 24 - 2) * interval '1 hour' AS starts_at
          FROM generate_series(0, %(reservations)s - 1) n,
               (SELECT (%(reservations)s - 1) / %(devices)s + 1 AS rounds) spread) wanted
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS kinds FROM spec_classes) c
    ON c.place = number %% c.kinds
 CROSS JOIN LATERAL (SELECT CASE c.pool WHEN '' THEN anybody ELSE anybody - anybody %% 20 + 1 END AS holder) whose"""

RESERVED = """
UPDATE devices d SET next_reserved_at = r.starts_at
  FROM (SELECT device_id, min(starts_at) AS starts_at FROM reservations WHERE status = 'pending' GROUP BY device_id) r
 WHERE r.device_id = d.id"""

# Events are those of the time to come: of what was before, they have been delivered and cleaned up.
MARKS = """
INSERT INTO retention_marks (kind, deleted_until) VALUES ('events', clock_timestamp())
    ON CONFLICT (kind) DO UPDATE SET deleted_until = excluded.deleted_until"""

# Free devices, wherever they lie, for three to 24 hours, of which up to 100 minutes are over where nobody was since.
OCCUPY = """
WITH chosen AS (
    SELECT id, fence, cpu_cores, memory_mb, storage_mb, 180 + luck %% 1260 AS minutes,
           %(at)s - CASE WHEN last_allocated_at IS NULL THEN luck %% 6000000 ELSE 0 END * interval '1 ms' AS began,
           luck %% %(users)s - CASE WHEN tenant_id IS NULL THEN 0 ELSE luck %% %(users)s %% 20 - 1 END AS holder
      FROM (SELECT *, hashtext(id || '/') & 1073741823 AS luck FROM devices WHERE is_free) free
     ORDER BY hashtext(id) LIMIT (
        SELECT greatest(round(%(occupied)s * count(*)) - count(active_allocation_id), 0) FROM devices)
), lent AS (
    INSERT INTO device_allocations (id, device_id, user_id, tenant_id, allocated_at, expires_at, duration_minutes,
                                    fencing_token, cpu_cores, memory_mb, storage_mb, decision, created_at, updated_at)
    SELECT gen_random_uuid(), id, 'user-' || holder, 'tenant-' || holder %% 20, began,
           began + make_interval(mins => minutes), minutes, fence + 1, cpu_cores, memory_mb, storage_mb,
           '{"score": 70, "strategy": "resource_based"}', began, began
      FROM chosen
    RETURNING *
), taken AS (
    UPDATE devices d SET active_allocation_id = l.id, busy_until = l.expires_at, fence = l.fencing_token,
           last_allocated_at = l.allocated_at
      FROM lent l WHERE l.device_id = d.id
), used AS (
    INSERT INTO quota_usage AS u (tenant_id, user_id, devices, cpu_cores, memory_mb, storage_mb)
    SELECT tenant_id, user_id, count(*), sum(cpu_cores), sum(memory_mb), sum(storage_mb) FROM lent GROUP BY 1, 2
        ON CONFLICT (tenant_id, user_id) DO UPDATE
       SET devices = u.devices + excluded.devices, cpu_cores = u.cpu_cores + excluded.cpu_cores,
           memory_mb = u.memory_mb + excluded.memory_mb, storage_mb = u.storage_mb + excluded.storage_mb
)
INSERT INTO allocation_counters AS c (tenant_id, shard, granted)
SELECT tenant_id, 0, count(*) FROM lent GROUP BY tenant_id
    ON CONFLICT (tenant_id, shard) DO UPDATE SET granted = c.granted + excluded.granted"""
