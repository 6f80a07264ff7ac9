-- Make placement scores follow a strategy, one batch of devices after p_after in the order of id; returns the last id, or NULL
-- at the end. Settles: claims under way, by locking only the batch and skipping nothing (a claim waits a moment). Without seqscan: a
-- session keeps the plans that it made while the tables were small.
CREATE OR REPLACE FUNCTION rescore_devices(p_strategy text, p_after text, p_limit int) RETURNS text
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    batch   text[];
    unknown float := (SELECT (terms ->> 'score')::float FROM placement_strategy);  -- of a device that was not appraised
BEGIN
    batch := ARRAY(SELECT id FROM devices WHERE id > p_after ORDER BY id LIMIT p_limit FOR UPDATE);
    UPDATE devices d
       SET placement_score = scored.score
      FROM (SELECT f.id, coalesce(placement_score(p_strategy, f.cpu_cores, f.memory_mb, f.storage_mb, coalesce(h.cpu_usage, 0),
                                                  coalesce(h.memory_usage, 0), coalesce(h.storage_usage, 0), f.last_allocated_at),
                                  a.score, unknown) AS score
              FROM devices f
              LEFT JOIN LATERAL (SELECT score FROM placement_appraisals
                                  WHERE p_strategy = 'smart' AND device_id = f.id OFFSET 0) a ON true
              LEFT JOIN LATERAL (SELECT * FROM device_heartbeats WHERE device_id = f.id OFFSET 0) h ON true  -- a probe a device
             WHERE f.id = ANY (batch)) scored
     WHERE d.id = scored.id AND d.placement_score IS DISTINCT FROM scored.score;
    RETURN batch[array_upper(batch, 1)];
END $$;
