-- The answer kept under a key for the last 24 hours, or that the key was used with another body; NULL when it is new.
CREATE OR REPLACE FUNCTION kept_answer(p_key request_key) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN k.body_hash = p_key.body_hash THEN k.answer ELSE jsonb_build_object('outcome', 'key_reused') END
      FROM idempotency_keys k
     WHERE (k.tenant_id, k.caller, k.route, k.key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key)
       AND k.created_at > scheduler_now() - interval '24 hours'
$$;
