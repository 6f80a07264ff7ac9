-- How a claim would end now, without making it: what the quota says, which devices are left, and else what could be had instead.
-- Locks and writes nothing: who claims next may still be faster, or find a device that came free.
CREATE OR REPLACE FUNCTION explain_request(
    p_tenant text, p_user text, p_wants device_wants, p_terms quota_terms, p_minutes int
) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    at       timestamptz := scheduler_now();
    held     quota_usage;
    refusal  text;
    most     device_size;
    newcomer text := CASE WHEN somebody_waits() THEN p_user END;
    facts    jsonb;
BEGIN
    SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (p_tenant, p_user);
    IF NOT FOUND THEN
        held := jsonb_populate_record(NULL::quota_usage, jsonb_build_object(
            'tenant_id', p_tenant, 'user_id', p_user, 'devices', 0, 'cpu_cores', 0, 'memory_mb', 0, 'storage_mb', 0));
    END IF;
    most := quota_ceiling(held, p_terms);
    refusal := coalesce(quota_refusal(held, p_terms, at), too_big_refusal(p_tenant, p_wants, most));
    facts := jsonb_build_object(
        'refusal', refusal, 'remainingDevices', remaining_devices(held, p_terms),
        'now', explain_placement(p_tenant, newcomer, p_wants, most, at + make_interval(mins => p_minutes)));
    IF refusal IS NULL AND facts #> '{now,candidates}' = '[]' THEN
        facts := facts || alternatives(p_tenant, p_user, newcomer, p_wants, most, p_minutes);
    END IF;
    RETURN facts;
END $$;
