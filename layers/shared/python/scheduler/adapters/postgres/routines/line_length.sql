-- How many wait, of all tenants, by the index of the line.
CREATE OR REPLACE FUNCTION line_length() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT count(*) FROM queue_entries WHERE status = 'waiting'
$$;
