-- Take a device back that was wiped, by an event from outside. One that is older than the present wipe, by more than clocks differ,
-- tells of an earlier one and changes nothing. Settles: reports against the limit of time and operators (the row is locked), the
-- same event twice. Outcomes: changed | unchanged | applied | stale | device_not_found.
CREATE OR REPLACE FUNCTION note_recycled(p_event incoming_event, p_device text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    standing text := open_event(p_event);
    since    timestamptz;
BEGIN
    IF standing <> 'fresh' THEN
        RETURN jsonb_build_object('outcome', standing);
    END IF;
    SELECT recycling_since INTO since FROM devices WHERE id = p_device AND life = 'recycling' FOR UPDATE;
    IF p_event.at < since - interval '1 minute' THEN
        RETURN jsonb_build_object('outcome', 'stale');
    END IF;
    RETURN change_life(p_device, ARRAY['recycling'], 'in_service', p_reason, NULL) - 'device';
END $$;
