-- The places of some waiting entries in the line of all tenants, from 1. Nothing of the others is told but that they are there.
CREATE OR REPLACE FUNCTION line_places(p_entries uuid[]) RETURNS TABLE (entry_id uuid, place bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT line.id, line.place
      FROM (SELECT id, row_number() OVER (ORDER BY rank, id) AS place FROM queue_entries
             WHERE status = 'waiting' AND p_entries <> '{}') line
     WHERE line.id = ANY (p_entries)
$$;
