-- What a limit leaves to who holds so many already; -1 without a limit. (greatest would take no limit for none left.)
CREATE OR REPLACE FUNCTION limit_left(p_held int, p_limit int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_limit IS NULL THEN -1 WHEN p_limit < p_held THEN 0 ELSE p_limit - p_held END
$$;
