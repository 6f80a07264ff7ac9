-- Why no class can serve the wants although the fleet has one: what is left of the quota is too small. NULL: not the quota.
CREATE OR REPLACE FUNCTION too_big_refusal(p_tenant text, p_wants device_wants, p_most device_size) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT 'Quota exceeded. No device that fits the request is within what the quota leaves: '
           || concat_ws(', ', p_most.cpu_cores || ' cores', p_most.memory_mb || ' MB memory', p_most.storage_mb || ' MB storage')
     WHERE EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, NULL))
       AND NOT EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, p_most))
$$;
