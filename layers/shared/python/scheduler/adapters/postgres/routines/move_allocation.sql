-- Go on with an allocation on another device: bill the part of the old one, and write device, token, usage and event as a grant does.
-- Called with usage row, allocation and both devices locked, and with the clock read after that. Gives its facts.
CREATE OR REPLACE FUNCTION move_allocation(
    target device_allocations, old devices, device devices, p_reason text, p_lost_since timestamptz, p_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    credited int := close_segment(target, old, p_lost_since, p_reason, p_at, false);
    token    bigint := greatest(device.fence, target.fencing_token) + 1;  -- none like the old one
    facts    jsonb;
BEGIN
    UPDATE devices
       SET active_allocation_id = target.id, busy_until = target.expires_at, fence = token, last_allocated_at = p_at,
           placement_score = CASE (SELECT name FROM placement_strategy) WHEN 'round_robin' THEN -extract(epoch FROM p_at)
                             ELSE placement_score END
     WHERE id = device.id;
    UPDATE device_allocations
       SET device_id = device.id, fencing_token = token, segment = segment + 1, segment_started_at = p_at,
           cpu_cores = device.cpu_cores, memory_mb = device.memory_mb, storage_mb = device.storage_mb
     WHERE id = target.id;
    UPDATE quota_usage
       SET cpu_cores = greatest(cpu_cores + device.cpu_cores - target.cpu_cores, 0),
           memory_mb = greatest(memory_mb + device.memory_mb - target.memory_mb, 0),
           storage_mb = greatest(storage_mb + device.storage_mb - target.storage_mb, 0)
     WHERE (tenant_id, user_id) = (target.tenant_id, target.user_id);
    UPDATE reservations SET device_id = device.id WHERE id = target.reservation_id AND status = 'executing';
    PERFORM leave_device(target.device_id, target.id, false, p_at);

    facts := jsonb_build_object(
        'allocationId', target.id, 'userId', target.user_id, 'tenantId', target.tenant_id, 'oldDeviceId', target.device_id,
        'deviceId', device.id, 'fencingToken', token, 'allocatedAt', wire_time(target.allocated_at),
        'expiresAt', wire_time(target.expires_at), 'failedOverAt', wire_time(p_at), 'reason', p_reason, 'creditedSeconds', credited);
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('scheduler.allocation.failed_over', target.id, device.id, target.tenant_id,
            facts || jsonb_build_object(
                'quotaRestored', quota_share(target.cpu_cores, target.memory_mb, target.storage_mb),
                'quotaUsed', quota_share(device.cpu_cores, device.memory_mb, device.storage_mb)), p_at);
    RETURN facts || jsonb_build_object('outcome', 'moved');
END $$;
