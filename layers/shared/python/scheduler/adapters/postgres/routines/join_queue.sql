-- Put a user in line for a device, or say why not, with the event. Settles: one user joining twice at once (her usage row, and the
-- unique index behind it) and the same request twice (its key). Her rank is the clock's, less her tier's head start: nobody chooses
-- it. What could never be served is refused instead of kept waiting. Outcomes: joined | already_queued | over_quota | nothing_fits.
-- Without seqscan: a session keeps the plans that it made while the tables were small.
CREATE OR REPLACE FUNCTION join_queue(
    p_tenant text, p_user text, p_wants device_wants, p_terms quota_terms, p_minutes int, p_max_wait_minutes int,
    p_tier text, p_tier_seconds int, p_metadata jsonb, p_key request_key
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer  jsonb;
    held    quota_usage;
    entry   queue_entries;
    refusal text;
    at      timestamptz;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    held := lock_usage(p_tenant, p_user);
    entry := lock_wait((SELECT id FROM queue_entries WHERE status = 'waiting' AND (tenant_id, user_id) = (p_tenant, p_user)));
    at := scheduler_clock();
    IF entry.expires_at > at THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'already_queued', 'entryId', entry.id));
    ELSIF entry.id IS NOT NULL THEN  -- over, and no sweep has come by
        PERFORM end_wait(entry, 'expired', at);
    END IF;

    refusal := never_refusal(held, p_wants, p_terms, at);
    IF refusal IS NOT NULL THEN
        RETURN close_request(p_key, refuse_claim(held, p_terms, refusal));
    ELSIF NOT EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, NULL) c
                        JOIN devices d ON d.class_id = c.id AND d.status = 'running' AND d.life IN ('in_service', 'recycling')) THEN
        RETURN forget_request(p_key, refuse_claim(held, p_terms, NULL) || jsonb_build_object('outcome', 'nothing_fits'));
    END IF;

    INSERT INTO queue_entries (tenant_id, user_id, tier, rank, duration_minutes, wants, metadata, terms, terms_read_at,
                               joined_at, expires_at)
    VALUES (p_tenant, p_user, p_tier, extract(epoch FROM at) - p_tier_seconds, p_minutes, p_wants, p_metadata, p_terms, at,
            at, at + make_interval(mins => p_max_wait_minutes))
    RETURNING * INTO entry;
    PERFORM tell_wait(entry, 'joined', '{}', at);
    RETURN close_request(p_key, jsonb_build_object('outcome', 'joined', 'entryId', entry.id));
END $$;
