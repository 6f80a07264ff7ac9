-- Why the quota would refuse a user even if she held nothing: waiting cannot help her. NULL: it may.
CREATE OR REPLACE FUNCTION never_refusal(held quota_usage, p_wants device_wants, terms quota_terms, p_at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    held.devices := 0;
    held.cpu_cores := 0;
    held.memory_mb := 0;
    held.storage_mb := 0;
    RETURN coalesce(quota_refusal(held, terms, p_at), too_big_refusal(held.tenant_id, p_wants, quota_ceiling(held, terms)));
END $$;
