-- The step that asked minutes belong to, as domain/placement_model.step_of. IMMUTABLE, so that it is inlined into its callers.
CREATE OR REPLACE FUNCTION use_step(p_minutes int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_minutes <= 30 THEN 30 WHEN p_minutes <= 60 THEN 60 WHEN p_minutes <= 120 THEN 120
                WHEN p_minutes <= 240 THEN 240 ELSE 480 END
$$;
