-- Keep what the quota document of a waiter allows now. Settles: a refresh against the end of her wait (only a waiting entry).
CREATE OR REPLACE FUNCTION refresh_terms(p_entry uuid, p_terms quota_terms) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    UPDATE queue_entries SET terms = p_terms, terms_read_at = scheduler_clock() WHERE id = p_entry AND status = 'waiting'
$$;
