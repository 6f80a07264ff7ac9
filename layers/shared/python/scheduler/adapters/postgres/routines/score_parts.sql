-- What a device's placement score is made of, by name; the parts add up to it. For who asks why: no claim calls this.
CREATE OR REPLACE FUNCTION score_parts(p_strategy text, device devices, usage device_heartbeats) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT CASE p_strategy
        WHEN 'smart' THEN coalesce((
            SELECT jsonb_build_object('failure', -a.failure, 'start', -a.start, 'wear', -a.wear, 'fit', -a.fit,
                                      'sinceWritten', device.placement_score - a.score)
              FROM placement_appraisals a WHERE a.device_id = device.id), jsonb_build_object('unknown', device.placement_score))
        WHEN 'round_robin' THEN jsonb_build_object('lastLent', -coalesce(extract(epoch FROM device.last_allocated_at), 0))
        WHEN 'least_connection' THEN jsonb_build_object('cpuFree', 100 - used.cpu)
        WHEN 'weighted_round_robin' THEN jsonb_build_object('cpuFree', (100 - used.cpu) / 2, 'memoryFree', (100 - used.memory) / 2)
        WHEN 'best_fit' THEN jsonb_build_object(
            'cpuCores', -device.cpu_cores / 4.0, 'memory', -device.memory_mb / 4096.0, 'storage', -device.storage_mb / 65536.0)
        ELSE jsonb_build_object(
            'cpuFree', (100 - used.cpu) / 3, 'memoryFree', (100 - used.memory) / 3, 'storageFree', (100 - used.storage) / 3)
    END
      FROM (SELECT usage_step(coalesce(usage.cpu_usage, 0)) AS cpu, usage_step(coalesce(usage.memory_usage, 0)) AS memory,
                   usage_step(coalesce(usage.storage_usage, 0)) AS storage) used
$$;
