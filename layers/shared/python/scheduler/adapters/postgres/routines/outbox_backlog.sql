-- Events of all tenants that wait to be published: how many, counted up to p_most, and for how long the oldest. Settles nothing.
CREATE OR REPLACE FUNCTION outbox_backlog(p_most int) RETURNS TABLE (events bigint, oldest_seconds float8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT count(*), extract(epoch FROM scheduler_clock() - min(occurred_at))::float8
      FROM (SELECT occurred_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT p_most) waiting
$$;
