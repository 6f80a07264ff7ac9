-- End many allocations for a service of the tenant (p_tenant NULL: for an operator), item by item, each seeing the last. Settles:
-- batches that overlap (all rows are locked first, in one order; counters come last, in one order). p_mode: continue | stop at the
-- first that cannot be ended | atomic: that undoes all. Without seqscan: a session keeps the plans that it made while the tables
-- were small.
CREATE OR REPLACE FUNCTION release_batch(p_tenant text, p_ids uuid[], p_mode text, p_key request_key) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer  jsonb;
    locked  uuid[];
    at      timestamptz;
    item    uuid;
    done    record;
    results jsonb[] := '{}';
    ended   device_allocations[] := '{}';
    undone  boolean := false;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    locked := lock_allocations(p_tenant, p_ids);
    at := scheduler_clock();
    BEGIN
        FOREACH item IN ARRAY p_ids LOOP
            done := release_item(p_tenant, item, locked, at);
            results := results || done.facts;
            IF (done.ended).id IS NOT NULL THEN
                ended := ended || done.ended;
                CONTINUE;
            END IF;
            EXIT WHEN p_mode = 'stop';
            IF p_mode = 'atomic' THEN
                RAISE EXCEPTION 'undo' USING ERRCODE = 'UNDO1';
            END IF;
        END LOOP;
    EXCEPTION
        WHEN SQLSTATE 'UNDO1' THEN
            undone := true;
            ended := '{}';
    END;
    PERFORM count_changes('{}', ended);
    RETURN close_batch(p_key, results, undone);
END $$;
