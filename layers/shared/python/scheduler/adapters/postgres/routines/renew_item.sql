-- Renew one allocation of a batch, whose rows are locked before; read anew, as the items before left them. Outcomes: renewed |
-- not_found (another's is not seen) | those of renewal_verdict.
CREATE OR REPLACE FUNCTION renew_item(
    p_tenant text, p_id uuid, p_locked uuid[], p_terms renewal_terms, p_minutes int, p_reason text, p_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    target device_allocations := renewable(p_tenant, NULL, p_id);
    device devices;
    held   quota_usage;
BEGIN
    IF target.id IS NULL OR (target.status = 'allocated' AND p_id <> ALL (p_locked)) THEN  -- not there when we locked
        RETURN jsonb_build_object('outcome', 'not_found');
    END IF;
    SELECT * INTO device FROM devices WHERE id = target.device_id;
    SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (target.tenant_id, target.user_id);
    RETURN renew_locked(target, device, held, p_terms, p_minutes, p_reason, p_at);
END $$;
