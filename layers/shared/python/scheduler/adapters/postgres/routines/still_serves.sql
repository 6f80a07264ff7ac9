-- Whether a device works and still is what a reservation asks for: an operator may have changed it since the booking. One that is
-- being wiped comes back in a moment: it keeps its reservations until five minutes before the start (decision 0016).
CREATE OR REPLACE FUNCTION still_serves(device devices, r reservations) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT device.status = 'running'
       AND (device.life = 'in_service'
            OR (device.life = 'recycling' AND r.starts_at > scheduler_now() + interval '5 minutes'))
       AND (device.tenant_id IS NULL OR device.tenant_id = r.tenant_id)
       AND (r.device_type IS NULL OR device.device_type = r.device_type)
       AND device.cpu_cores >= coalesce(r.min_cpu, 0)
       AND device.memory_mb >= coalesce(r.min_memory_mb, 0)
       AND device.storage_mb >= coalesce(r.min_storage_mb, 0)
$$;
