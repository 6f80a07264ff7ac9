-- Answer a batch and keep the answer under its key. Undone: the last result is what undid it; one that passes by itself may be
-- asked again under the same key. Outcomes: done | undone.
CREATE OR REPLACE FUNCTION close_batch(p_key request_key, p_results jsonb[], p_undone boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    last   int := cardinality(p_results);
    answer jsonb;
BEGIN
    IF NOT p_undone THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'done', 'results', to_jsonb(p_results)));
    END IF;
    answer := jsonb_build_object('outcome', 'undone', 'index', last - 1, 'failure', p_results[last]);
    IF p_results[last] ->> 'outcome' IN ('none_free', 'quota_unavailable', 'balance_unavailable') THEN
        RETURN forget_request(p_key, answer);
    END IF;
    RETURN close_request(p_key, answer);
END $$;
