-- Make a placement model the active one. Settles: two that publish at once, and a lesson under way (the row of the lessons is locked
-- first; what was watched of another model is forgotten, and that lesson is learned again under the new one).
CREATE OR REPLACE FUNCTION publish_model(p_name text, p_document jsonb, p_by text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM placement_learning FOR UPDATE;
    UPDATE placement_models SET is_active = false WHERE is_active AND name <> p_name;
    INSERT INTO placement_models AS m (name, document, published_by, published_at)
    VALUES (p_name, p_document, p_by, scheduler_clock())
    ON CONFLICT (name) DO UPDATE
       SET document = excluded.document, is_active = true, published_by = excluded.published_by,
           published_at = excluded.published_at;
    UPDATE placement_learning SET watched = '[]';
END $$;
