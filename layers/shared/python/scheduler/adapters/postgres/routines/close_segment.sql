-- Write what the present device's part of an allocation is billed, and credit the time since it was of no use (p_lost_since; NULL:
-- none). Gives the seconds credited. p_ends: the allocation has just ended, and its usage row is there already.
CREATE OR REPLACE FUNCTION close_segment(
    target device_allocations, device devices, p_lost_since timestamptz, p_reason text, p_at timestamptz, p_ends boolean
) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    started timestamptz := coalesce(target.segment_started_at, target.allocated_at);
    used    int := floor(extract(epoch FROM p_at - started));
    since   timestamptz := greatest(p_lost_since, started);
    lost    int := CASE WHEN p_lost_since IS NULL THEN 0 ELSE floor(extract(epoch FROM p_at - since)) END;
BEGIN
    INSERT INTO usage_records (
        allocation_id, segment, kind, tenant_id, user_id, device_id, device_name, cpu_cores, memory_mb, storage_mb,
        started_at, ended_at, seconds, reason, recorded_at)
    SELECT target.id, target.segment, part.kind, target.tenant_id, target.user_id, target.device_id,
           coalesce(device.name, target.device_id), target.cpu_cores, target.memory_mb, target.storage_mb, part.since, p_at, part.seconds, p_reason, p_at
      FROM (VALUES ('usage', started, used), ('credit', since, lost)) part (kind, since, seconds)
     WHERE CASE part.kind WHEN 'usage' THEN NOT p_ends ELSE lost > 0 END;
    RETURN lost;
END $$;
