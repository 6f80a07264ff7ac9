-- The largest device that the quota allows now, by the document's limits and those that an event told of since. NULL: no limit.
CREATE OR REPLACE FUNCTION quota_ceiling(held quota_usage, terms quota_terms) RETURNS device_size LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN (held.known_limits).valid_until > scheduler_now()
        THEN limits_ceiling(held, lowered_terms(terms, held.known_limits))
        ELSE limits_ceiling(held, terms)
    END
$$;
