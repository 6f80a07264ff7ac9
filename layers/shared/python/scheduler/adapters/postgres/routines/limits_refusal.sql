-- Why limits forbid a user one more device, or NULL. One expression, so that a claim has it in line.
CREATE OR REPLACE FUNCTION limits_refusal(held quota_usage, terms quota_terms, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN terms.refusal IS NOT NULL         THEN terms.refusal
        WHEN terms.valid_until <= p_at         THEN 'Quota expired at ' || wire_time(terms.valid_until)
        WHEN held.blocked                      THEN coalesce(held.blocked_reason, 'User is suspended')
        WHEN held.devices >= terms.devices     THEN format('Device quota exceeded. Max: %s, Current: %s', terms.devices, held.devices)
        WHEN held.cpu_cores >= terms.cpu_cores THEN format('CPU quota exceeded. Max: %s cores, Current: %s', terms.cpu_cores, held.cpu_cores)
        WHEN held.memory_mb >= terms.memory_mb THEN format('Memory quota exceeded. Max: %s MB, Current: %s', terms.memory_mb, held.memory_mb)
        WHEN held.storage_mb >= terms.storage_mb THEN format('Storage quota exceeded. Max: %s MB, Current: %s', terms.storage_mb, held.storage_mb)
    END
$$;
