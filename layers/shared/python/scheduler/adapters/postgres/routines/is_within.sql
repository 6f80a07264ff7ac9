-- Whether a device of this class is within what a quota allows.
CREATE OR REPLACE FUNCTION is_within(class spec_classes, p_most device_size) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (p_most.cpu_cores IS NULL OR class.cpu_cores <= p_most.cpu_cores)
       AND (p_most.memory_mb IS NULL OR class.memory_mb <= p_most.memory_mb)
       AND (p_most.storage_mb IS NULL OR class.storage_mb <= p_most.storage_mb)
$$;
