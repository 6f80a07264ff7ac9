-- How much a device is preferred under a strategy; higher is lent first. Usages are percentages, 0 without a heartbeat, and count in
-- steps of ten: a smaller change is no reason to touch a device's row, which claims pass over meanwhile. NULL: the strategy is the learned
-- one, whose scores are appraised (keep_appraisals) and not told by these.
CREATE OR REPLACE FUNCTION placement_score(
    p_strategy text, p_cpu_cores int, p_memory_mb int, p_storage_mb int,
    p_cpu_usage real, p_memory_usage real, p_storage_usage real, p_last_allocated_at timestamptz
) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_strategy
        WHEN 'smart'                THEN NULL
        WHEN 'round_robin'          THEN -coalesce(extract(epoch FROM p_last_allocated_at), 0)
        WHEN 'least_connection'     THEN 100 - usage_step(p_cpu_usage)
        WHEN 'weighted_round_robin' THEN 100 - (usage_step(p_cpu_usage) + usage_step(p_memory_usage)) / 2
        WHEN 'best_fit'             THEN -(p_cpu_cores / 4.0 + p_memory_mb / 4096.0 + p_storage_mb / 65536.0)
        ELSE 100 - (usage_step(p_cpu_usage) + usage_step(p_memory_usage) + usage_step(p_storage_usage)) / 3
    END::double precision
$$;
