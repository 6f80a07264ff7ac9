-- Keep what a waiter was told at the join, once.
CREATE OR REPLACE FUNCTION keep_promise(p_entry uuid, p_p50 int, p_p90 int, p_raw_p50 real, p_raw_p90 real) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE queue_entries SET promised_p50 = p_p50, promised_p90 = p_p90, raw_p50 = p_raw_p50, raw_p90 = p_raw_p90
     WHERE id = p_entry AND promised_p90 IS NULL
$$;
