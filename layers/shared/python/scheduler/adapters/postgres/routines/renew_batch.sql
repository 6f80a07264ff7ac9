-- Give many allocations a later end for a service of the tenant (p_tenant NULL: for an operator), item by item, each seeing the
-- last. An item has an id and its terms' number from 1, or the refusal it met before it came here. Settles: as release_batch.
-- p_mode: continue | stop at the first refusal | atomic: a refusal undoes all. Without seqscan: a session keeps the plans that it
-- made while the tables were small.
CREATE OR REPLACE FUNCTION renew_batch(
    p_tenant text, p_items jsonb, p_terms renewal_terms[], p_minutes int, p_reason text, p_mode text, p_key request_key
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer  jsonb;
    locked  uuid[];
    item    record;
    facts   jsonb;
    results jsonb[] := '{}';
    undone  boolean := false;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    locked := lock_allocations(p_tenant, ARRAY(SELECT (i.value ->> 'id')::uuid FROM jsonb_array_elements(p_items) i));
    BEGIN
        FOR item IN SELECT (i.value ->> 'id')::uuid AS id, p_terms[(i.value ->> 'terms')::int] AS terms,
                           i.value -> 'refusal' AS refusal
                      FROM jsonb_array_elements(p_items) WITH ORDINALITY i (value, position) ORDER BY i.position LOOP
            facts := coalesce(item.refusal, renew_item(  -- each at its own instant: one allocation may come twice
                p_tenant, item.id, locked, item.terms, p_minutes, p_reason, scheduler_clock()));
            results := results || facts;
            CONTINUE WHEN facts ->> 'outcome' = 'renewed';
            EXIT WHEN p_mode = 'stop';
            IF p_mode = 'atomic' THEN
                RAISE EXCEPTION 'undo' USING ERRCODE = 'UNDO1';
            END IF;
        END LOOP;
    EXCEPTION
        WHEN SQLSTATE 'UNDO1' THEN
            undone := true;
    END;
    RETURN close_batch(p_key, results, undone);
END $$;
