-- A time as it stands in events and answers: RFC 3339, UTC.
CREATE OR REPLACE FUNCTION wire_time(p_at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
