-- A usage in percent as placement counts it: to the nearest ten.
CREATE OR REPLACE FUNCTION usage_step(p_percent real) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT round(p_percent::double precision / 10) * 10
$$;
