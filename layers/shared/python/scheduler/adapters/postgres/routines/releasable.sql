-- The allocation that a release means: the named one of this device, or the active one. Another's is not seen.
CREATE OR REPLACE FUNCTION releasable(p_tenant text, p_holder text, p_device text, p_allocation uuid)
RETURNS device_allocations LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found_row device_allocations;
BEGIN
    IF p_allocation IS NULL THEN
        SELECT * INTO found_row FROM device_allocations WHERE device_id = p_device AND status = 'allocated';
    ELSE
        SELECT * INTO found_row FROM device_allocations WHERE id = p_allocation AND device_id = p_device;
    END IF;
    IF found_row.tenant_id = coalesce(p_tenant, found_row.tenant_id)
       AND found_row.user_id = coalesce(p_holder, found_row.user_id) THEN
        RETURN found_row;
    END IF;
    RETURN NULL;
END $$;
