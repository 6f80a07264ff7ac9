-- The sessions of clients in this database, those of other roles too as far as Postgres lets the engine see them: for the audit,
-- which asks who holds the database up.
CREATE OR REPLACE FUNCTION client_sessions() RETURNS TABLE (
    pid int, application_name text, state text, wait_event_type text, backend_xid xid, xact_start timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT s.pid, s.application_name, s.state, s.wait_event_type, s.backend_xid, s.xact_start FROM pg_stat_activity s
     WHERE s.datname = current_database() AND s.backend_type = 'client backend' AND s.pid <> pg_backend_pid()
$$;
