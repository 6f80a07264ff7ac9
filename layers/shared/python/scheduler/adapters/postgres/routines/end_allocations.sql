-- End several allocations in one transaction. Settles: enders racing for a row (usage rows first, then the allocations, then the
-- devices, each in order). Users and allocations that are busy are passed over: a sweep comes again. What was picked is read once:
-- joined to the users, each of them would read all of it. Without seqscan: a plan made while the tables were small must not stay.
CREATE OR REPLACE FUNCTION end_allocations(p_ids uuid[], p_as text) RETURNS SETOF device_allocations
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    mine  uuid[];
    ended device_allocations[];
BEGIN
    mine := ARRAY(
        WITH picked AS MATERIALIZED (SELECT a.id, a.tenant_id, a.user_id FROM device_allocations a WHERE a.id = ANY (p_ids)),
             held AS MATERIALIZED (
                 SELECT u.tenant_id, u.user_id FROM quota_usage u
                  WHERE (u.tenant_id, u.user_id) IN (SELECT p.tenant_id, p.user_id FROM picked p)
                  ORDER BY u.tenant_id, u.user_id FOR UPDATE SKIP LOCKED)
        SELECT p.id FROM picked p JOIN held USING (tenant_id, user_id));
    mine := ARRAY(
        SELECT a.id FROM device_allocations a WHERE a.id = ANY (mine) AND a.status = 'allocated' ORDER BY a.id FOR UPDATE SKIP LOCKED);
    PERFORM FROM devices d
      WHERE d.id IN (SELECT a.device_id FROM device_allocations a WHERE a.id = ANY (mine)) ORDER BY d.id FOR UPDATE;

    ended := end_together(mine, p_as, scheduler_clock());
    PERFORM count_ends(ended);
    RETURN QUERY SELECT * FROM unnest(ended);
END $$;
