-- Keep what a device reported last. Heartbeats are many: they lie apart, in an order of their own (when they were observed, at most
-- now by our clock), and touch the device's row, which claims pass over while it changes, only when its placement score moves a
-- step. Settles: heartbeats that overtake each other. Outcomes: noted | stale | device_not_found.
CREATE OR REPLACE FUNCTION note_heartbeat(
    p_device text, p_cpu_usage real, p_memory_usage real, p_storage_usage real, p_observed_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM devices WHERE id = p_device AND life <> 'deleted') THEN
        RETURN jsonb_build_object('outcome', 'device_not_found');
    END IF;
    INSERT INTO device_heartbeats AS h (device_id, cpu_usage, memory_usage, storage_usage, observed_at)
    VALUES (p_device, p_cpu_usage, p_memory_usage, p_storage_usage, least(p_observed_at, scheduler_clock()))
    ON CONFLICT (device_id) DO UPDATE
       SET cpu_usage = excluded.cpu_usage, memory_usage = excluded.memory_usage, storage_usage = excluded.storage_usage,
           observed_at = excluded.observed_at
     WHERE h.observed_at < excluded.observed_at;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('outcome', 'stale');
    END IF;
    UPDATE devices d
       SET placement_score = placement_score(s.name, d.cpu_cores, d.memory_mb, d.storage_mb, p_cpu_usage, p_memory_usage,
                                             p_storage_usage, d.last_allocated_at)
      FROM placement_strategy s
     WHERE d.id = p_device AND s.name <> 'smart'
       AND d.placement_score IS DISTINCT FROM placement_score(
               s.name, d.cpu_cores, d.memory_mb, d.storage_mb, p_cpu_usage, p_memory_usage, p_storage_usage, d.last_allocated_at);
    RETURN jsonb_build_object('outcome', 'noted');
END $$;
