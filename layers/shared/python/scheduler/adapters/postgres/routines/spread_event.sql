-- Keep an event for each enabled webhook of a tenant that wants its type and has fewer than p_most waiting; tell how many did and how
-- many missed it. Settles: the same event told again (one row a webhook and event), and webhooks being disabled or sent to meanwhile
-- (their rows, locked by id).
CREATE OR REPLACE FUNCTION spread_event(p_tenant text, p_event uuid, p_type text, p_body text, p_most int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    hook   webhooks;
    kept   int := 0;
    missed int := 0;
BEGIN
    FOR hook IN SELECT * FROM webhooks WHERE tenant_id = p_tenant AND status = 'enabled' AND types && ARRAY[p_type, '*']
                 ORDER BY id FOR UPDATE LOOP
        IF hook.waiting >= p_most THEN
            missed := missed + 1;
        ELSIF keep_delivery(hook.id, p_event, p_type, p_body) THEN
            kept := kept + 1;
        END IF;
    END LOOP;
    RETURN jsonb_build_object('kept', kept, 'missed', missed);
END $$;
