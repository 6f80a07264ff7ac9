-- End one active allocation, whatever ends it: status, device, usage and event; a trigger writes its bill. Called with its usage
-- row, itself and its device locked, and with the clock read after that; the caller counts it, last in the lock order. p_as:
-- released | expired | revoked; one whose time is over ends as expired.
CREATE OR REPLACE FUNCTION end_allocation(p_allocation device_allocations, p_as text, p_at timestamptz)
RETURNS device_allocations LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ended device_allocations;
BEGIN
    UPDATE device_allocations
       SET status = CASE WHEN expires_at <= p_at THEN 'expired' ELSE p_as END, released_at = p_at,
           duration_seconds = least(greatest(floor(extract(epoch FROM least(p_at, expires_at) - allocated_at)), 0), 2147483647)
     WHERE id = p_allocation.id
    RETURNING * INTO ended;

    PERFORM leave_device(ended.device_id, ended.id, ended.status <> 'revoked', p_at);

    IF ended.reservation_id IS NOT NULL THEN
        UPDATE reservations SET status = 'completed' WHERE id = ended.reservation_id AND status = 'executing';
    END IF;

    UPDATE quota_usage
       SET devices = greatest(devices - 1, 0), cpu_cores = greatest(cpu_cores - ended.cpu_cores, 0),
           memory_mb = greatest(memory_mb - ended.memory_mb, 0), storage_mb = greatest(storage_mb - ended.storage_mb, 0)
     WHERE (tenant_id, user_id) = (ended.tenant_id, ended.user_id);

    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    SELECT told.type, told.subject, ended.device_id, ended.tenant_id, told.data, p_at FROM end_event(ended) told;

    RETURN ended;
END $$;
