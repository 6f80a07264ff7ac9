-- Whether anybody waits, of whatever tenant: then a newcomer may not take what is awaited. Tells no more than that.
CREATE OR REPLACE FUNCTION somebody_waits() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM queue_entries WHERE status = 'waiting')
$$;
