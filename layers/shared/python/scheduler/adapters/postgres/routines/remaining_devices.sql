-- How many more devices a user may have, by the document's limit and one that an event told of since; -1: as many as she likes.
CREATE OR REPLACE FUNCTION remaining_devices(held quota_usage, terms quota_terms) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN (held.known_limits).valid_until > scheduler_now()
        THEN limit_left(held.devices, least(terms.devices, (held.known_limits).devices))
        ELSE limit_left(held.devices, terms.devices)
    END
$$;
