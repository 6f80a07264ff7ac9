-- Keep what a user is told, in her language, once a fact. Settles: the same event twice, also at once (the second waits on the
-- unique index until the first commits, and finds its row). No row: it is told otherwise. A grant that came of a reservation or a
-- wait, both written in its own transaction, is told by their notices; p_grant is its allocation, NULL for all that are no grants.
CREATE OR REPLACE FUNCTION write_notice(
    p_fact text, p_type text, p_tenant text, p_user text, p_texts jsonb, p_language text, p_data jsonb, p_channels text[],
    p_priority text, p_grant uuid
) RETURNS SETOF notifications LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    wish notification_preferences;
    said jsonb;
BEGIN
    IF is_promised(p_tenant, p_user, p_grant) THEN
        RETURN;
    END IF;
    SELECT * INTO wish FROM notification_preferences WHERE (tenant_id, user_id) = (p_tenant, p_user);
    wish.language := coalesce(wish.language, p_language);
    said := p_texts -> wish.language;

    INSERT INTO notifications (fact, type, tenant_id, user_id, language, title, message, data, channels, priority, created_at)
    VALUES (p_fact, p_type, p_tenant, p_user, wish.language, said ->> 'title', said ->> 'message', p_data,
            ARRAY(SELECT c FROM unnest(p_channels) WITH ORDINALITY each (c, place)
                   WHERE c = 'in_app' OR wish.channels IS NULL OR c = ANY (wish.channels) ORDER BY place),
            p_priority, scheduler_clock())
    ON CONFLICT (fact, type) DO NOTHING;
    RETURN QUERY SELECT * FROM notifications WHERE fact = p_fact AND type = p_type;
END $$;
