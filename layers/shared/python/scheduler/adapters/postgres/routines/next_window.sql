-- The earliest instant from p_from on at which some fitting device that is running, in service and not held is neither lent nor
-- reserved for p_minutes; NULL: none was found. At most 200 devices a class are looked at, those that are free soonest first, and
-- the search of a class ends with the first device that cannot be had sooner than the best so far.
CREATE OR REPLACE FUNCTION next_window(
    p_tenant text, p_wants device_wants, p_most device_size, p_from timestamptz, p_minutes int
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    class  int;
    device record;
    best   timestamptz;
BEGIN
    FOR class IN SELECT c.id FROM fitting_classes(p_tenant, p_wants, p_most) c LOOP
        FOR device IN
            SELECT d.id, greatest(p_from, d.busy_until) AS free_at FROM devices d
             WHERE d.class_id = class AND d.status = 'running' AND d.life = 'in_service' AND d.held_for IS NULL
               AND (d.active_allocation_id IS NULL OR d.busy_until IS NOT NULL)  -- without an end: lent for good
             ORDER BY d.busy_until NULLS FIRST LIMIT 200
        LOOP
            EXIT WHEN best <= device.free_at;
            best := least(best, next_gap(device.id, device.free_at, p_minutes));
        END LOOP;
        EXIT WHEN best <= p_from;
    END LOOP;
    RETURN best;
END $$;
