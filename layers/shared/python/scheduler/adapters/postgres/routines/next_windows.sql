-- The next p_count windows of p_minutes, none overlapping another, for which a fitting device can be had from p_from on; each is
-- bookable now, and not more than 90 days ahead. p_most: what the quota allows of one device (NULL: no limit). Unlocked: an offer
-- that the booking decides again. Without seqscan: a session keeps the plans that it made while the tables were small.
CREATE OR REPLACE FUNCTION next_windows(
    p_tenant text, p_wants device_wants, p_most device_size, p_from timestamptz, p_minutes int, p_count int
) RETURNS TABLE (starts_at timestamptz, ends_at timestamptz) LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    ends_at := greatest(p_from, scheduler_now());
    FOR n IN 1 .. least(p_count, 10) LOOP
        starts_at := next_window(p_tenant, p_wants, p_most, ends_at, p_minutes);
        EXIT WHEN starts_at IS NULL OR starts_at > scheduler_now() + interval '90 days';
        ends_at := starts_at + make_interval(mins => p_minutes);
        RETURN NEXT;
    END LOOP;
END $$;
