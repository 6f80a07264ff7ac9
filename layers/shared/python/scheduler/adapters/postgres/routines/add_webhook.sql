-- Keep a new webhook in the tenant's first free place, unless it has p_most. Settles: several at once (the unique index on the place:
-- who comes second waits, and looks for another) and the same request twice (its key). Outcomes: webhook_added | too_many_webhooks.
CREATE OR REPLACE FUNCTION add_webhook(
    p_tenant text, p_url text, p_secret text, p_types text[], p_description text, p_most int, p_key request_key
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    answer jsonb;
    added  uuid;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    FOR attempt IN 1 .. p_most LOOP  -- each that finds its place taken, another has taken it for good
        INSERT INTO webhooks (tenant_id, slot, url, secret, types, description, created_at)
        SELECT p_tenant, place, p_url, p_secret, p_types, p_description, scheduler_clock() FROM generate_series(1, p_most) place
         WHERE NOT EXISTS (SELECT FROM webhooks w WHERE (w.tenant_id, w.slot) = (p_tenant, place))
         ORDER BY place LIMIT 1
        ON CONFLICT (tenant_id, slot) DO NOTHING
        RETURNING id INTO added;
        EXIT WHEN added IS NOT NULL;
    END LOOP;
    IF added IS NULL THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'too_many_webhooks'));
    END IF;
    RETURN close_request(p_key, jsonb_build_object('outcome', 'webhook_added', 'webhookId', added));
END $$;
