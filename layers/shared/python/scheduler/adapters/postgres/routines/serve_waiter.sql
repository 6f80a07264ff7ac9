-- Lend a waiter the device that she can have, under the locks and with everything asked again: her quota, her time, the device's.
-- Settles: serving against claims, cancelling and timing out. A lock is waited for only a moment, since the whole line waits with
-- us: then she is passed over this time (busy).
CREATE OR REPLACE FUNCTION serve_waiter(p_entry uuid) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    entry  queue_entries;
    held   quota_usage;
    chosen text;
    device devices;
    class  spec_classes;
    facts  jsonb;
    before text := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', '250ms', true);  -- for these locks only
    SELECT * INTO entry FROM queue_entries WHERE id = p_entry;
    held := lock_usage(entry.tenant_id, entry.user_id);
    chosen := fitting_device(entry, held, scheduler_clock());
    PERFORM FROM devices WHERE id = chosen OR held_for = p_entry ORDER BY id FOR UPDATE;
    PERFORM FROM queue_entries WHERE id = p_entry FOR UPDATE;
    PERFORM set_config('lock_timeout', before, true);

    SELECT * INTO entry FROM queue_entries WHERE id = p_entry;
    SELECT * INTO device FROM devices WHERE id = chosen;
    SELECT * INTO class FROM spec_classes WHERE id = device.class_id;
    IF is_ready(device, entry) AND can_be_served(entry, held, class, device.next_reserved_at, scheduler_clock()) THEN
        facts := lend_device(device, held, entry.terms, entry.duration_minutes, entry.metadata, entry.wants);
    END IF;
    IF facts IS NULL THEN
        RETURN jsonb_build_object('outcome', 'busy', 'entryId', p_entry);
    END IF;
    PERFORM count_allocations(entry.tenant_id, 1, 0, 0, 0);
    UPDATE devices SET held_for = NULL WHERE id = chosen AND held_for IS NOT NULL;
    entry := end_wait(entry, 'fulfilled', (facts ->> 'allocatedAt')::timestamptz, (facts ->> 'allocationId')::uuid, chosen);
    RETURN facts || jsonb_build_object('entryId', p_entry, 'tier', entry.tier,
                                       'waitedSeconds', extract(epoch FROM entry.ended_at - entry.joined_at));
EXCEPTION
    WHEN lock_not_available THEN
        RETURN jsonb_build_object('outcome', 'busy', 'entryId', p_entry);
END $$;
