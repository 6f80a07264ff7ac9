-- Write a grant: allocation, device, usage and event, not yet counted (count_allocations, last in the lock order). Called with
-- the usage row and the device locked; the clock is read here, after the last lock, and stamps everything. NULL, and nothing
-- written, when the device is reserved before the minutes are over: time went by between choice and lock. What was asked
-- (p_wants) is kept for a failover to fit, and p_weighed, how the device was chosen or would have been; NULL: nothing was
-- weighed. A reservation's own grant ends with its window, p_until.
CREATE OR REPLACE FUNCTION lend_device(
    device devices, held quota_usage, terms quota_terms, p_minutes int, p_metadata jsonb, p_wants device_wants,
    p_weighed weighed_choice DEFAULT NULL, p_until timestamptz DEFAULT NULL, p_reservation uuid DEFAULT NULL
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at         timestamptz := scheduler_clock();
    expiry     timestamptz := coalesce(p_until, at + make_interval(mins => p_minutes));
    allocation uuid := gen_random_uuid();
    remaining  int := remaining_devices(held, terms);
    strategy   text;
    decided    jsonb;
    facts      jsonb;
BEGIN
    IF device.next_reserved_at < expiry THEN
        RETURN NULL;
    END IF;

    SELECT s.name, CASE s.name
               WHEN 'smart' THEN jsonb_build_object('strategy', s.name, 'score', device.placement_score, 'modelVersion', s.terms -> 'model')
               ELSE jsonb_build_object('strategy', s.name, 'score', device.placement_score) END
      INTO strategy, decided FROM placement_strategy s;
    INSERT INTO device_allocations (
        id, device_id, user_id, tenant_id, allocated_at, expires_at, duration_minutes, metadata, fencing_token,
        cpu_cores, memory_mb, storage_mb, reservation_id, decision, wants, weighed, created_at, updated_at)
    VALUES (
        allocation, device.id, held.user_id, held.tenant_id, at, expiry, p_minutes, p_metadata, device.fence + 1,
        device.cpu_cores, device.memory_mb, device.storage_mb, p_reservation, decided,
        CASE WHEN NOT p_wants IS NULL THEN p_wants END, CASE WHEN NOT p_weighed IS NULL THEN p_weighed END, at, at);

    UPDATE devices
       SET active_allocation_id = allocation, busy_until = expiry, fence = device.fence + 1, last_allocated_at = at,
           placement_score = CASE strategy WHEN 'round_robin' THEN -extract(epoch FROM at) ELSE placement_score END
     WHERE id = device.id;

    UPDATE quota_usage
       SET devices = devices + 1, cpu_cores = cpu_cores + device.cpu_cores,
           memory_mb = memory_mb + device.memory_mb, storage_mb = storage_mb + device.storage_mb
     WHERE (tenant_id, user_id) = (held.tenant_id, held.user_id);

    facts := jsonb_build_object(
        'allocationId', allocation, 'deviceId', device.id, 'userId', held.user_id, 'tenantId', held.tenant_id,
        'allocatedAt', wire_time(at), 'expiresAt', wire_time(expiry), 'durationMinutes', p_minutes,
        'fencingToken', device.fence + 1, 'remainingDevices', CASE WHEN remaining > 0 THEN remaining - 1 ELSE remaining END);
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('device.allocated', device.id, device.id, held.tenant_id,
            facts || jsonb_build_object('quotaUsed', quota_share(device.cpu_cores, device.memory_mb, device.storage_mb)), at);

    RETURN facts || jsonb_build_object(
        'outcome', 'granted', 'deviceName', device.name, 'deviceStatus', device.status,
        'adbHost', device.adb_host, 'adbPort', device.adb_port);
END $$;
