-- Lock another device for an allocation whose own must be left: like that one or better, else one that meets what was asked at the
-- grant. Free until the allocation ends, and within what the quota leaves; terms that refuse leave as much as she has. Goes before
-- those who wait: she was there first.
CREATE OR REPLACE FUNCTION take_spare_device(
    target device_allocations, held quota_usage, p_terms quota_terms, p_patient boolean
) RETURNS devices LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most   device_size := ROW (target.cpu_cores, target.memory_mb, target.storage_mb);
    alike  device_wants := ROW (coalesce((target.wants).device_type, (SELECT device_type FROM devices WHERE id = target.device_id)),
                                target.cpu_cores, target.memory_mb, target.storage_mb);
    device devices;
BEGIN
    IF p_terms.refusal IS NULL THEN
        held.cpu_cores := greatest(held.cpu_cores - target.cpu_cores, 0);
        held.memory_mb := greatest(held.memory_mb - target.memory_mb, 0);
        held.storage_mb := greatest(held.storage_mb - target.storage_mb, 0);
        most := quota_ceiling(held, p_terms);
    END IF;
    device := take_free_device(target.tenant_id, NULL, alike, most, target.expires_at);
    IF device.id IS NULL THEN
        device := take_free_device(target.tenant_id, NULL, target.wants, most, target.expires_at);
    END IF;
    IF device.id IS NULL AND p_patient THEN
        device := await_free_device(target.tenant_id, NULL, target.wants, most, target.expires_at);
    END IF;
    RETURN device;
END $$;
