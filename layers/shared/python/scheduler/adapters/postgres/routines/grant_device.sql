-- Write a grant and count it, last in the lock order. NULL, and nothing written, when the device is reserved before the minutes
-- are over. A reservation's own grant ends with its window, p_until.
CREATE OR REPLACE FUNCTION grant_device(
    device devices, held quota_usage, terms quota_terms, p_minutes int, p_metadata jsonb,
    p_until timestamptz DEFAULT NULL, p_reservation uuid DEFAULT NULL
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    facts jsonb := write_grant(device, held, terms, p_minutes, p_metadata, p_until, p_reservation);
BEGIN
    IF facts IS NOT NULL THEN
        PERFORM count_allocations(held.tenant_id, 1, 0, 0, 0);
    END IF;
    RETURN facts;
END $$;
