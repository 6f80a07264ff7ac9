-- Keep an answer under a key; when another run of the same request was first, its answer counts. For work whose effects are
-- harmless to repeat and lie in transactions of their own.
CREATE OR REPLACE FUNCTION keep_answer(p_key request_key, p_answer jsonb) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    first_answer jsonb := open_request(p_key);
BEGIN
    RETURN coalesce(first_answer, close_request(p_key, p_answer));
END $$;
