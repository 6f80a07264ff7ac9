-- What a quota document allows when an event told of these limits since: the lower of each. An event raises nothing: the next
-- document does.
CREATE OR REPLACE FUNCTION lowered_terms(terms quota_terms, known quota_terms) RETURNS quota_terms LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW (
        terms.refusal, terms.valid_until, least(terms.devices, known.devices),
        least(terms.device_cpu_cores, known.device_cpu_cores), least(terms.device_memory_mb, known.device_memory_mb),
        least(terms.device_storage_mb, known.device_storage_mb),
        least(terms.cpu_cores, known.cpu_cores), least(terms.memory_mb, known.memory_mb), least(terms.storage_mb, known.storage_mb)
    )::quota_terms
$$;
