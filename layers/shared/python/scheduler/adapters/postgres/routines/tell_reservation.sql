-- Write the event of a reservation's change, in the order of its user, whose usage row is locked. What the caller gave as
-- metadata stays with the reservation.
CREATE OR REPLACE FUNCTION tell_reservation(r reservations, p_what text) RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('scheduler.reservation.' || p_what, r.id, r.tenant_id || '|' || r.user_id, r.tenant_id,
            jsonb_build_object(
                'reservationId', r.id, 'userId', r.user_id, 'tenantId', r.tenant_id, 'deviceId', r.device_id,
                'startTime', wire_time(r.starts_at), 'endTime', wire_time(r.ends_at), 'durationMinutes', r.duration_minutes)
            || jsonb_strip_nulls(jsonb_build_object(
                'seriesId', r.series_id, 'allocationId', r.allocation_id, 'reason', r.failure)),
            scheduler_clock())
$$;
