-- Lead a device to another stretch of its life, from one of p_leaves; from elsewhere nothing changes. Settles: acts against each
-- other, claims, bookings and ends (the device's row is locked first, and asked then), the same request twice (its key). Who comes
-- back to service comes without a past. Outcomes: changed | unchanged, with the device as it is then | device_not_found.
CREATE OR REPLACE FUNCTION change_life(p_device text, p_leaves text[], p_to text, p_reason text, p_key request_key)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    answer jsonb;
    device devices;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    SELECT * INTO device FROM devices WHERE id = p_device AND life <> 'deleted' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'device_not_found'));
    ELSIF device.life <> ALL (p_leaves) THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'unchanged', 'device', device_facts(device)));
    END IF;
    device := write_life(p_device, p_to, p_reason);
    RETURN close_request(p_key, jsonb_build_object('outcome', 'changed', 'device', device_facts(device)));
END $$;
