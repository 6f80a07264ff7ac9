-- Have all scores follow a strategy that was just written, from the first device on. Called with the strategy's row locked.
CREATE OR REPLACE FUNCTION begin_rescoring(p_at timestamptz) RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE placement_rescoring
       SET after_id = '', rescored = 0, total = (SELECT count(*) FROM devices), started_at = p_at, done_at = NULL
$$;
