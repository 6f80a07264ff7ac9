-- A device by the API's names, as operators see it: with its last heartbeat, and the reservation that comes next.
CREATE OR REPLACE FUNCTION device_facts(d devices) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', d.id, 'name', d.name, 'deviceType', d.device_type, 'status', d.status, 'life', d.life,
        'lifeReason', d.life_reason, 'lifeChangedAt', wire_time(d.life_changed_at),
        'recyclingSince', wire_time(d.recycling_since), 'failuresInRow', d.failures_in_row, 'tenantId', d.tenant_id,
        'cpuCores', d.cpu_cores, 'memoryMB', d.memory_mb, 'storageMB', d.storage_mb, 'adbHost', d.adb_host,
        'adbPort', d.adb_port, 'host', d.host, 'model', d.model, 'labels', d.labels,
        'activeAllocationId', d.active_allocation_id, 'busyUntil', wire_time(nullif(d.busy_until, 'infinity')),
        'lastAllocatedAt', wire_time(d.last_allocated_at), 'createdAt', wire_time(d.created_at),
        'heartbeat', (
            SELECT jsonb_build_object(
                'cpuUsage', h.cpu_usage, 'memoryUsage', h.memory_usage, 'storageUsage', h.storage_usage,
                'observedAt', wire_time(h.observed_at),
                'ageSeconds', greatest(extract(epoch FROM scheduler_now() - h.observed_at), 0))
              FROM device_heartbeats h WHERE h.device_id = d.id),
        'nextReservation', (
            SELECT jsonb_build_object(
                'reservationId', r.id, 'startTime', wire_time(r.starts_at), 'endTime', wire_time(r.ends_at))
              FROM reservations r WHERE r.device_id = d.id AND r.status = 'pending' ORDER BY r.starts_at LIMIT 1))
$$;
