-- Take over what is told of a device: its status, and (p_life) that it left the fleet. From here on nobody is lent a device that
-- does not run. An allocation that it can serve no longer is named: it is moved in a call of its own, which closes the event; one
-- that was deleted, and not left yet, is deleted again.
-- Settles: events of one device at once (begin_event), claims (the row is locked). Outcomes: noted | applied | stale |
-- device_not_found.
CREATE OR REPLACE FUNCTION note_device_status(p_event incoming_event, p_device text, p_status text, p_life text, p_reason text)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    standing text;
    device   devices;
    before   devices;
    at       timestamptz;
BEGIN
    IF EXISTS (SELECT FROM inbox WHERE consumer = 'consume' AND event_id = p_event.id) THEN
        RETURN jsonb_build_object('outcome', 'applied');
    END IF;
    standing := begin_event(p_event);
    IF standing <> 'fresh' THEN
        PERFORM close_event(p_event);
        RETURN jsonb_build_object('outcome', standing);
    END IF;
    SELECT * INTO before FROM devices
     WHERE id = p_device AND (life <> 'deleted' OR (p_life = life AND active_allocation_id IS NOT NULL)) FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM close_event(p_event);
        RETURN jsonb_build_object('outcome', 'device_not_found');
    END IF;
    at := scheduler_clock();
    UPDATE devices d
       SET status = p_status, life = coalesce(p_life, d.life),
           life_reason = CASE WHEN p_life IS NULL THEN d.life_reason ELSE p_reason END,
           life_changed_at = CASE WHEN p_life IS NULL THEN d.life_changed_at ELSE at END
     WHERE d.id = p_device
    RETURNING * INTO device;
    IF device.is_free AND NOT before.is_free THEN
        PERFORM tell_device(device, 'restored', 'Running again', at);
    END IF;
    IF device.active_allocation_id IS NULL OR p_status = 'running' THEN
        PERFORM close_event(p_event);
        RETURN jsonb_build_object('outcome', 'noted');
    END IF;
    RETURN jsonb_build_object('outcome', 'noted', 'allocationId', device.active_allocation_id);
END $$;
