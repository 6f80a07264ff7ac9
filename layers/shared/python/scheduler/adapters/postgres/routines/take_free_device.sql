-- Lock the best free device that fits, passing over those that others are taking. Settles: claims racing for a device
-- (the lock re-checks is_free on the row itself). LIMIT without an outer ORDER BY, so that one device is locked, not one a class.
CREATE OR REPLACE FUNCTION take_free_device(
    p_tenant text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz
) RETURNS devices LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    device devices;
BEGIN
    SELECT taken.* INTO device
      FROM best_classes(p_tenant, p_newcomer, p_wants, p_most, p_until) best
     CROSS JOIN LATERAL (
        SELECT * FROM devices d
         WHERE d.class_id = best.class_id AND d.is_free
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
         ORDER BY d.placement_score DESC LIMIT 1 FOR UPDATE SKIP LOCKED) taken
     LIMIT 1;
    RETURN device;
END $$;
