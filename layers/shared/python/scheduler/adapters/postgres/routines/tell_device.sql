-- Write the event of a change in a device's life: p_what is quarantined or restored. Called with the device locked.
CREATE OR REPLACE FUNCTION tell_device(device devices, p_what text, p_reason text, p_at timestamptz) RETURNS void
LANGUAGE sql VOLATILE AS $$
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('scheduler.device.' || p_what, device.id, device.id, device.tenant_id,
            jsonb_build_object('deviceId', device.id, 'tenantId', device.tenant_id, 'reason', p_reason, p_what || 'At', wire_time(p_at))
            || CASE p_what WHEN 'quarantined' THEN jsonb_build_object('failuresInRow', device.failures_in_row) ELSE '{}' END, p_at)
$$;
