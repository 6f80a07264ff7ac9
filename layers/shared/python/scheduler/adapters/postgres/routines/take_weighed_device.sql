-- Lock the one of the eight best free devices that this request is expected to cost least with, passing over those that others are
-- taking; no device: all eight are being taken. A small share of the requests explores: it goes by draws. "propensity" is how likely
-- this device was, of those that could be had, before it was decided whether to. Where the learned strategy is only tried, a share of
-- the requests is lent so, and no device to the others (trial_arm). Settles: claims racing for a device (SKIP LOCKED, and the lock
-- re-checks that it is free, and free for long enough, on the row itself).
CREATE OR REPLACE FUNCTION take_weighed_device(
    p_tenant text, p_user text, p_newcomer text, p_wants device_wants, p_most device_size, p_until timestamptz, p_minutes int
) RETURNS weighed_device LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    strategy placement_strategy;
    arm      text;
    model    text;
    share    float;
    explores boolean;
    heads    record;
    costs    float[];  -- by which this request goes, and those by which the others do; infinite: passed over
    others   float[];
    lowest   float;
    lowest_of_others float;
    place    int;
    device   devices;
BEGIN
    SELECT * INTO strategy FROM placement_strategy;
    IF strategy.name <> 'smart' THEN
        arm := trial_arm(strategy);
        IF arm IS NULL OR arm = 'control' THEN
            RETURN (NULL, (arm, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::weighed_choice)::weighed_device;
        END IF;
        model := strategy.terms ->> 'model';
    END IF;
    SELECT * INTO heads FROM weigh_heads(p_tenant, p_user, p_newcomer, p_wants, p_most, p_until, p_minutes, strategy.weights);
    IF arm = 'shadow' THEN
        RETURN (NULL, (arm, model, NULL, NULL, NULL, heads.hours, heads.ids, heads.costs,
                       heads.ids[array_position(heads.costs, heads.lowest)])::weighed_choice)::weighed_device;
    END IF;

    share := CASE current_setting('app.explores', true) WHEN 'no' THEN 0 ELSE (strategy.weights).share END;
    explores := random() < share;
    costs := CASE WHEN explores THEN heads.drawn_costs ELSE heads.costs END;
    others := CASE WHEN explores THEN heads.costs ELSE heads.drawn_costs END;
    lowest := CASE WHEN explores THEN heads.lowest_drawn ELSE heads.lowest END;
    lowest_of_others := CASE WHEN explores THEN heads.lowest ELSE heads.lowest_drawn END;
    WHILE lowest < 'Infinity' LOOP  -- ends: each turn passes one over
        place := array_position(costs, lowest);
        SELECT * INTO device FROM devices d
         WHERE d.id = heads.ids[place] AND d.class_id = heads.class_ids[place] AND d.is_free
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
           FOR UPDATE SKIP LOCKED;
        EXIT WHEN FOUND;
        costs[place] := 'Infinity';
        others[place] := 'Infinity';
        SELECT min(l.cost), min(l.other) INTO lowest, lowest_of_others FROM unnest(costs, others) l (cost, other);
    END LOOP;
    IF device.id IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (device, (arm, model, explores, place,
                     CASE WHEN array_position(others, lowest_of_others) = place THEN 1 WHEN explores THEN share ELSE 1 - share END,
                     heads.hours, heads.ids, CASE WHEN explores THEN heads.drawn_costs ELSE heads.costs END, NULL)::weighed_choice)::weighed_device;
END $$;
