-- Take an idempotency key for this transaction, or tell what it was answered with. Settles: the same key twice at once
-- (the second waits on the unique index until the first commits, or is told that it is still running).
CREATE OR REPLACE FUNCTION open_request(p_key request_key) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    kept idempotency_keys;
BEGIN
    INSERT INTO idempotency_keys (tenant_id, caller, route, key, body_hash, created_at)
    VALUES (p_key.tenant_id, p_key.caller, p_key.route, p_key.key, p_key.body_hash, scheduler_clock())
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;

    SELECT * INTO kept FROM idempotency_keys
     WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key) FOR UPDATE;
    IF kept.created_at <= scheduler_clock() - interval '24 hours' THEN
        UPDATE idempotency_keys SET body_hash = p_key.body_hash, answer = NULL, created_at = scheduler_clock()
         WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key);
        RETURN NULL;
    END IF;
    IF kept.body_hash <> p_key.body_hash THEN
        RETURN jsonb_build_object('outcome', 'key_reused');
    END IF;
    RETURN coalesce(kept.answer, jsonb_build_object('outcome', 'in_progress'));
EXCEPTION
    WHEN lock_not_available THEN
        RETURN jsonb_build_object('outcome', 'in_progress');
END $$;
