-- A reservation by the API's names, as answers carry it.
CREATE OR REPLACE FUNCTION reservation_facts(r reservations) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object(
        'reservationId', r.id, 'userId', r.user_id, 'tenantId', r.tenant_id, 'deviceId', r.device_id, 'status', r.status,
        'startTime', wire_time(r.starts_at), 'endTime', wire_time(r.ends_at), 'durationMinutes', r.duration_minutes,
        'deviceType', r.device_type, 'minCpu', r.min_cpu, 'minMemory', r.min_memory_mb, 'minStorage', r.min_storage_mb,
        'remindBeforeMinutes', r.remind_before_minutes, 'timeZone', r.time_zone, 'seriesId', r.series_id,
        'allocationId', r.allocation_id, 'executedAt', wire_time(r.executed_at), 'reason', r.failure,
        'metadata', r.metadata, 'createdAt', wire_time(r.created_at))
$$;
