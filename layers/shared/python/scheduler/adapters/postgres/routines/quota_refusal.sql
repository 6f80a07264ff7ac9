-- Why the quota forbids one more device, or NULL. Usage is the locked row's own; limits are the document's, and those that an event
-- told of since.
CREATE OR REPLACE FUNCTION quota_refusal(held quota_usage, terms quota_terms, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN (held.known_limits).valid_until > p_at
        THEN limits_refusal(held, lowered_terms(terms, held.known_limits), p_at)
        ELSE limits_refusal(held, terms, p_at)
    END
$$;
