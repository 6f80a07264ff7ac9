-- Lock a queue entry, and before it the device that is held for it, as the lock order has it. Called with the user's usage row
-- locked, without which nobody holds a device for her or ends her wait.
CREATE OR REPLACE FUNCTION lock_wait(p_entry uuid) RETURNS queue_entries LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    entry queue_entries;
BEGIN
    PERFORM FROM devices WHERE held_for = p_entry FOR UPDATE;
    SELECT * INTO entry FROM queue_entries WHERE id = p_entry FOR UPDATE;
    RETURN entry;
END $$;
