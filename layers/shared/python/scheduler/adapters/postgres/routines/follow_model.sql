-- Where the learned strategy is chosen: follow it, or resource_based when something speaks against its model (p_because; NULL: nothing
-- does). Where it is tried, the trial rests then. p_terms: what claims need of the model; NULL: there is none. Settles: a choice meanwhile (the row's lock, and read after it),
-- scores that are being written by the strategy before (as choose_strategy).
CREATE OR REPLACE FUNCTION follow_model(p_because text, p_terms jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before  placement_strategy;
    follows text;
BEGIN
    SELECT * INTO before FROM placement_strategy FOR UPDATE;
    IF before.chosen IS NULL AND before.trial_share IS NULL THEN
        RETURN;
    END IF;
    follows := CASE WHEN before.chosen IS NULL THEN before.name WHEN p_because IS NULL THEN 'smart' ELSE 'resource_based' END;
    UPDATE placement_strategy SET name = follows, because = p_because, terms = coalesce(p_terms, terms)
     WHERE (name, because, terms) IS DISTINCT FROM (follows, p_because, coalesce(p_terms, terms));
    IF before.name <> follows THEN
        PERFORM begin_rescoring(scheduler_clock());
    END IF;
END $$;
