-- Keep what a keyed request was answered with, beside its effect; a request without a key passes through.
CREATE OR REPLACE FUNCTION close_request(p_key request_key, p_answer jsonb) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_key.key IS NOT NULL THEN
        UPDATE idempotency_keys SET answer = p_answer
         WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key);
    END IF;
    RETURN p_answer;
END $$;
