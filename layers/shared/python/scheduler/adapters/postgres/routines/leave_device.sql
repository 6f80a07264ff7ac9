-- Take an allocation off its device's row. Where devices are wiped after use it is not free before it was; p_in_order: it served
-- the allocation to its end, and its failures count anew. Called with the device locked.
CREATE OR REPLACE FUNCTION leave_device(p_device text, p_allocation uuid, p_in_order boolean, p_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    wiped boolean := coalesce((SELECT recycles FROM fleet_policy), false);
BEGIN
    UPDATE devices
       SET active_allocation_id = NULL, busy_until = NULL,
           failures_in_row = CASE WHEN p_in_order THEN 0 ELSE failures_in_row END,
           life = CASE WHEN wiped AND life = 'in_service' THEN 'recycling' ELSE life END,
           recycling_since = CASE WHEN wiped AND life = 'in_service' THEN p_at ELSE recycling_since END
     WHERE id = p_device AND active_allocation_id = p_allocation;
END $$;
