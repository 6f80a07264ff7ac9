"""The database of another system that lent phones before this one."""

THEIRS = """
CREATE TABLE phones (id text PRIMARY KEY, device_type text, cpu_cores int, memory_mb int, disk_mb int, adb_host text,
                     adb_port int);
INSERT INTO phones SELECT 'phone-' || n, 'android-14', 4, 8192, 65536, '10.0.0.' || n, 5555
  FROM generate_series(1, 20) n;
CREATE TABLE device_allocations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), device_id varchar(255), user_id varchar(255), tenant_id varchar(255),
    status varchar(50), allocated_at timestamp, released_at timestamp, expires_at timestamp,
    duration_minutes int, duration_seconds int, metadata jsonb);
INSERT INTO device_allocations (device_id, user_id, tenant_id, status, allocated_at, released_at, expires_at,
                                duration_minutes, duration_seconds)
SELECT 'phone-' || 1 + n % 20, 'user-' || n % 7, CASE WHEN n % 3 > 0 THEN 'acme' END, ended,
       began, began + interval '20 minutes', began + interval '30 minutes', 30, CASE WHEN n % 2 > 0 THEN 1200 END
  FROM generate_series(1, 2500) n,
       LATERAL (SELECT (ARRAY['released', 'expired', 'revoked'])[1 + n % 3] AS ended,
                       now() AT TIME ZONE 'UTC' - n * interval '1 hour' AS began) past;
INSERT INTO device_allocations (device_id, user_id, tenant_id, status, allocated_at, expires_at, duration_minutes)
SELECT 'phone-' || n, 'user-' || n % 3, 'acme', 'allocated', now() AT TIME ZONE 'UTC' - interval '1 minute',
       now() AT TIME ZONE 'UTC' + interval '59 minutes', 60 FROM generate_series(1, 5) n;
"""
