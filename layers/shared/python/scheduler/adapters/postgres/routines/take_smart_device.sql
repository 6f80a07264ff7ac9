-- Lock the one of the eight best free devices that this request is expected to cost least with, passing over those that others are
-- taking; NULL: all eight are being taken. A small share of the requests explores: it goes by draws. "propensity" is how likely this
-- device was, of those that could be had, before it was decided whether to. Where the learned strategy is only tried, a share of the
-- requests is lent so, and no device to the others. Settles: claims racing for a device (SKIP LOCKED, and the lock re-checks that it is
-- free, and free for long enough, on the row itself).
CREATE OR REPLACE FUNCTION take_smart_device(
    p_tenant text, p_user text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz, p_minutes int
) RETURNS smart_choice LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    strategy placement_strategy;
    share    float;
    explores boolean;
    heads    weighed_head[];
    missed   text[] := '{}';
    one      weighed_head;
    device   devices;
    other    text;
    taken    smart_choice;
BEGIN
    SELECT * INTO strategy FROM placement_strategy;
    taken.choice := trial_choice(strategy);
    IF taken.choice IS NULL OR taken.choice ->> 'trial' = 'control' THEN
        RETURN taken;
    END IF;
    heads := ARRAY(SELECT h FROM weighed_heads(p_tenant, p_user, p_newcomer, p_wants, p_most, p_until, p_minutes, strategy.terms) h
                    ORDER BY h.place);
    IF taken.choice ->> 'trial' = 'shadow' THEN
        taken.choice := taken.choice || shadow_choice(heads);
        RETURN taken;
    END IF;

    share := CASE current_setting('app.explores', true) WHEN 'no' THEN 0 ELSE (strategy.terms ->> 'share')::float END;
    explores := random() < share;
    FOR one IN SELECT * FROM unnest(heads) h ORDER BY CASE WHEN explores THEN h.drawn_cost ELSE h.cost END, h.place LOOP
        SELECT * INTO device FROM devices d
         WHERE d.id = one.id AND d.class_id = one.class_id AND d.is_free
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
           FOR UPDATE SKIP LOCKED;
        EXIT WHEN device.id IS NOT NULL;
        missed := missed || one.id;
    END LOOP;
    IF device.id IS NULL THEN
        RETURN NULL;
    END IF;
    other := (SELECT h.id FROM unnest(heads) h WHERE h.id <> ALL (missed)
               ORDER BY CASE WHEN explores THEN h.cost ELSE h.drawn_cost END, h.place LIMIT 1);
    taken.device := device;
    taken.choice := taken.choice || told_heads(heads, explores) || jsonb_build_object(
        'explored', explores, 'rank', one.place,
        'propensity', CASE WHEN other = device.id THEN 1 WHEN explores THEN share ELSE 1 - share END);
    RETURN taken;
END $$;
