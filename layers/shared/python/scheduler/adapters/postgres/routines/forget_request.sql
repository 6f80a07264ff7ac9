-- Let a retryable refusal be asked again under the same key.
CREATE OR REPLACE FUNCTION forget_request(p_key request_key, p_answer jsonb) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_key.key IS NOT NULL THEN
        DELETE FROM idempotency_keys
         WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key);
    END IF;
    RETURN p_answer;
END $$;
