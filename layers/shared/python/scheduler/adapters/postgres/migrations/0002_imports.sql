-- Active rows that come in past the claim (an import, a repair by hand) bring no fencing token. They are adopted as if they had
-- been claimed: without this the device would look free, every claim of it would fail on the unique index, and their end would
-- give back quota that was never taken.
CREATE FUNCTION adopt_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    adopted device_allocations := NEW;
    at      timestamptz;
BEGIN
    adopted.expires_at := coalesce(adopted.expires_at, adopted.allocated_at + make_interval(mins => adopted.duration_minutes));
    UPDATE devices
       SET active_allocation_id = adopted.id, busy_until = adopted.expires_at, fence = fence + 1
     WHERE id = adopted.device_id
    RETURNING fence, cpu_cores, memory_mb, storage_mb
         INTO adopted.fencing_token, adopted.cpu_cores, adopted.memory_mb, adopted.storage_mb;
    IF NOT FOUND THEN  -- a device that is not of the fleet: only its number counts
        SELECT 0, 0, 0, 0 INTO adopted.fencing_token, adopted.cpu_cores, adopted.memory_mb, adopted.storage_mb;
    END IF;
    at := scheduler_clock();

    UPDATE device_allocations
       SET expires_at = adopted.expires_at, fencing_token = adopted.fencing_token, cpu_cores = adopted.cpu_cores,
           memory_mb = adopted.memory_mb, storage_mb = adopted.storage_mb
     WHERE id = adopted.id;
    UPDATE quota_usage
       SET devices = devices + 1, cpu_cores = cpu_cores + adopted.cpu_cores,
           memory_mb = memory_mb + adopted.memory_mb, storage_mb = storage_mb + adopted.storage_mb
     WHERE (tenant_id, user_id) = (adopted.tenant_id, adopted.user_id);
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('device.allocated', adopted.device_id, adopted.device_id, adopted.tenant_id,
            jsonb_build_object(
                'allocationId', adopted.id, 'deviceId', adopted.device_id,
                'userId', adopted.user_id, 'tenantId', adopted.tenant_id,
                'allocatedAt', wire_time(adopted.allocated_at), 'expiresAt', wire_time(adopted.expires_at),
                'durationMinutes', adopted.duration_minutes, 'fencingToken', adopted.fencing_token, 'remainingDevices', -1,
                'quotaUsed', quota_share(adopted.cpu_cores, adopted.memory_mb, adopted.storage_mb)), at);
    PERFORM count_allocations(adopted.tenant_id, 1, 0, 0, 0);
    RETURN NULL;
END $$;
-- Before the row and its index entries: usage, then device, as everywhere. Runs after the default tenant (by name).
CREATE FUNCTION lock_for_adoption() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_usage(NEW.tenant_id, NEW.user_id);
    PERFORM FROM devices WHERE id = NEW.device_id FOR UPDATE;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION lock_for_adoption() IS 'Takes the locks of an adoption in the order that all follow';
CREATE TRIGGER device_allocations_lock_for_adoption BEFORE INSERT ON device_allocations
    FOR EACH ROW WHEN (NEW.fencing_token = 0 AND NEW.status = 'allocated') EXECUTE FUNCTION lock_for_adoption();

COMMENT ON FUNCTION adopt_allocation() IS 'Counts an active row that came in past the claim like a grant';
-- After, not before: a row that ON CONFLICT leaves out must leave no trace.
CREATE TRIGGER device_allocations_adopted AFTER INSERT ON device_allocations
    FOR EACH ROW WHEN (NEW.fencing_token = 0 AND NEW.status = 'allocated') EXECUTE FUNCTION adopt_allocation();
