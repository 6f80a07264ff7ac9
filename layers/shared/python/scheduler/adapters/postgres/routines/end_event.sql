-- The one event of an end, by what ended it.
CREATE OR REPLACE FUNCTION end_event(a device_allocations, OUT type text, OUT subject text, OUT data jsonb)
LANGUAGE sql IMMUTABLE AS $$
    SELECT kind.type, CASE a.status WHEN 'released' THEN a.device_id ELSE a.id::text END,
           jsonb_build_object(
               'allocationId', a.id, 'deviceId', a.device_id, 'userId', a.user_id, 'tenantId', a.tenant_id,
               'allocatedAt', wire_time(a.allocated_at), kind.ended, wire_time(a.released_at),
               'durationSeconds', a.duration_seconds,
               'quotaRestored', quota_share(a.cpu_cores, a.memory_mb, a.storage_mb))
           || jsonb_strip_nulls(jsonb_build_object('reason', a.end_reason))
      FROM (VALUES ('released', 'device.released', 'releasedAt'),
                   ('expired', 'scheduler.allocation.expired', 'expiredAt'),
                   ('revoked', 'scheduler.allocation.revoked', 'revokedAt')) kind (status, type, ended)
     WHERE kind.status = a.status
$$;
