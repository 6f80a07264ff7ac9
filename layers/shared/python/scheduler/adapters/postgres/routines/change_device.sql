-- Change a device's own fields; those that p_changes does not name stay. Settles: a change against a claim (the row is locked
-- first, and the class and score follow in the same statement). One that runs again is told, so that waiters are served at once.
-- Outcomes: changed | device_not_found.
CREATE OR REPLACE FUNCTION change_device(p_device text, p_changes jsonb) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before devices;
    device devices;
    usage  device_heartbeats;
BEGIN
    SELECT * INTO before FROM devices WHERE id = p_device AND life <> 'deleted' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('outcome', 'device_not_found');
    END IF;
    SELECT * INTO usage FROM device_heartbeats WHERE device_id = p_device;
    device := jsonb_populate_record(before, p_changes);
    UPDATE devices d
       SET name = device.name, device_type = device.device_type, status = device.status, tenant_id = device.tenant_id,
           cpu_cores = device.cpu_cores, memory_mb = device.memory_mb, storage_mb = device.storage_mb,
           adb_host = device.adb_host, adb_port = device.adb_port, host = device.host, model = device.model,
           labels = device.labels,
           class_id = device_class(device.tenant_id, device.device_type, device.cpu_cores, device.memory_mb, device.storage_mb),
           placement_score = coalesce(placement_score(
               (SELECT s.name FROM placement_strategy s), device.cpu_cores, device.memory_mb, device.storage_mb,
               coalesce(usage.cpu_usage, 0), coalesce(usage.memory_usage, 0), coalesce(usage.storage_usage, 0),
               device.last_allocated_at), device.placement_score)  -- appraised: until the next round
     WHERE d.id = p_device
    RETURNING * INTO device;
    IF device.is_free AND NOT before.is_free THEN
        PERFORM tell_device(device, 'restored', 'Running again', scheduler_clock());
    END IF;
    RETURN jsonb_build_object('outcome', 'changed');
END $$;
