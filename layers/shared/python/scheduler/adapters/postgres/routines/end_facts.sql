-- What is answered of an allocation that has just ended.
CREATE OR REPLACE FUNCTION end_facts(ended device_allocations) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'outcome', ended.status, 'allocationId', ended.id, 'deviceId', ended.device_id, 'userId', ended.user_id,
        'tenantId', ended.tenant_id, 'durationSeconds', ended.duration_seconds)
$$;
