-- Lend devices to many in one transaction, item by item, each seeing the last. Settles: batches that overlap (every usage row is
-- locked first, in one order; counters come last, in one order). p_mode: continue | stop at the first refusal | atomic: a refusal
-- undoes all grants and their events. What was overdue stays ended, and is told apart for the log. The first eight refusals
-- are patient, which bounds the time of all. Without seqscan: a session keeps the plans that it made while the tables were small.
CREATE OR REPLACE FUNCTION claim_batch(p_tenant text, p_items jsonb, p_terms quota_terms[], p_mode text, p_key request_key)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer   jsonb;
    item     record;
    facts    jsonb;
    results  jsonb[] := '{}';
    granted  text[] := '{}';
    refusals int := 0;
    undone   boolean := false;
    reaped   device_allocations[];
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    reaped := reap_batch(p_tenant, p_items);
    BEGIN
        FOR item IN SELECT * FROM batch_items(p_tenant, p_items, p_terms) LOOP
            facts := coalesce(item.refusal, claim_item(item.tenant_id, item.user_id, item.wants, item.terms, item.minutes,
                                                       item.metadata, refusals < 8));
            results := results || facts;
            IF facts ->> 'outcome' = 'granted' THEN
                granted := granted || item.tenant_id;
                CONTINUE;
            END IF;
            refusals := refusals + 1;
            EXIT WHEN p_mode = 'stop';
            IF p_mode = 'atomic' THEN
                RAISE EXCEPTION 'undo' USING ERRCODE = 'UNDO1';
            END IF;
        END LOOP;
    EXCEPTION
        WHEN SQLSTATE 'UNDO1' THEN
            undone := true;
            granted := '{}';
    END;
    PERFORM count_changes(granted, reaped);
    answer := close_batch(p_key, results, undone);
    IF answer #>> '{failure,outcome}' = 'none_free' THEN
        answer := answer || batch_outlook(p_tenant, p_items, p_terms);
    END IF;
    RETURN answer || jsonb_build_object('reaped', (
        SELECT coalesce(jsonb_agg(end_facts(r)), '[]') FROM unnest(reaped) r));
END $$;
