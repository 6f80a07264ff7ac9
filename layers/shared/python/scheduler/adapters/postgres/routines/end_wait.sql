-- End one wait, whatever ends it (p_as: fulfilled | expired | cancelled): the entry, the device held for it, and the event. Called
-- with the usage row, that device and the entry locked, and with the clock read after that.
CREATE OR REPLACE FUNCTION end_wait(
    p_entry queue_entries, p_as text, p_at timestamptz, p_allocation uuid DEFAULT NULL, p_device text DEFAULT NULL
) RETURNS queue_entries LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ended queue_entries;
BEGIN
    UPDATE queue_entries SET status = p_as, ended_at = p_at, allocation_id = p_allocation, device_id = p_device
     WHERE id = p_entry.id
    RETURNING * INTO ended;
    UPDATE devices SET held_for = NULL WHERE held_for = ended.id;

    PERFORM tell_wait(ended, p_as, jsonb_strip_nulls(jsonb_build_object(
        'endedAt', wire_time(p_at), 'waitedSeconds', floor(extract(epoch FROM p_at - ended.joined_at)),
        'allocationId', p_allocation, 'deviceId', p_device)), p_at);
    RETURN ended;
END $$;
