-- Add devices, all or none. Settles: the same id twice (primary key) and the same request twice (its key).
-- Outcomes: registered | device_exists.
CREATE OR REPLACE FUNCTION register_devices(p_devices jsonb, p_key request_key) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    answer jsonb;
    ids    text[] := ARRAY(SELECT e.value ->> 'id' FROM jsonb_array_elements(p_devices) e);
    taken  text[];
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    BEGIN
        INSERT INTO devices (id, name, device_type, status, tenant_id, cpu_cores, memory_mb, storage_mb, adb_host, adb_port,
                             host, model, labels, class_id, placement_score)
        SELECT d.id, d.name, d.device_type, d.status, d.tenant_id, d.cpu_cores, d.memory_mb, d.storage_mb, d.adb_host, d.adb_port,
               d.host, d.model, coalesce(d.labels, '{}'),
               device_class(d.tenant_id, d.device_type, d.cpu_cores, d.memory_mb, d.storage_mb),
               coalesce(placement_score(s.name, d.cpu_cores, d.memory_mb, d.storage_mb, 0, 0, 0, NULL), (s.terms ->> 'score')::float)
          FROM jsonb_populate_recordset(NULL::devices, p_devices) d CROSS JOIN placement_strategy s ORDER BY d.id;
        -- Allocations may have come in before their device: it is taken, and its tokens go on from theirs.
        UPDATE devices d SET fence = (SELECT coalesce(max(a.fencing_token), 0) FROM device_allocations a WHERE a.device_id = d.id)
         WHERE d.id = ANY (ids);
        UPDATE devices d SET active_allocation_id = a.id, busy_until = a.expires_at
          FROM device_allocations a WHERE a.device_id = d.id AND a.status = 'allocated' AND d.id = ANY (ids);
    EXCEPTION WHEN unique_violation THEN
        taken := ARRAY(SELECT given.id FROM unnest(ids) given (id) LEFT JOIN devices d ON d.id = given.id
                        GROUP BY given.id HAVING count(*) > 1 OR count(d.id) > 0 ORDER BY given.id);
        RETURN close_request(p_key, jsonb_build_object('outcome', 'device_exists', 'ids', to_jsonb(taken)));
    END;
    RETURN close_request(p_key, jsonb_build_object('outcome', 'registered', 'ids', to_jsonb(ids)));
END $$;
