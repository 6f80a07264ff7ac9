-- Like take_free_device, but wait a moment for devices that others are taking: they may give up. Asked before a refusal.
CREATE OR REPLACE FUNCTION await_free_device(
    p_tenant text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz
) RETURNS devices LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    device devices;
    before text := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', '250ms', true);  -- for this search only
    SELECT taken.* INTO device
      FROM best_classes(p_tenant, p_newcomer, p_wants, p_most, p_until) best
     CROSS JOIN LATERAL (
        SELECT * FROM devices d
         WHERE d.class_id = best.class_id AND d.is_free
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
         ORDER BY d.placement_score DESC LIMIT 1 FOR UPDATE) taken
     LIMIT 1;
    PERFORM set_config('lock_timeout', before, true);
    RETURN device;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN NULL;
END $$;
