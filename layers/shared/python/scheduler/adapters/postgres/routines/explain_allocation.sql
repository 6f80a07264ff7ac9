-- What an allocation's grant was decided by, as written then, and how the same wish would stand now: its own device counts as taken
-- while it is active. p_tenant NULL: of any. NULL: there is none. The quota is left out, it may have been another.
CREATE OR REPLACE FUNCTION explain_allocation(p_allocation uuid, p_tenant text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
               'allocationId', a.id, 'deviceId', a.device_id, 'userId', a.user_id, 'tenantId', a.tenant_id, 'status', a.status,
               'allocatedAt', wire_time(a.allocated_at), 'fromReservation', a.reservation_id IS NOT NULL, 'movedTimes', a.segment - 1,
               'decision', a.decision || told_choice(a.weighed),
               'asked', jsonb_build_object(
                   'durationMinutes', a.duration_minutes, 'deviceType', (a.wants).device_type, 'minCpu', (a.wants).min_cpu,
                   'minMemory', (a.wants).min_memory_mb, 'minStorage', (a.wants).min_storage_mb),
               'now', explain_placement(a.tenant_id, CASE WHEN somebody_waits() THEN a.user_id END, a.wants, NULL,
                                        scheduler_now() + make_interval(mins => a.duration_minutes)))
      FROM device_allocations a
     WHERE a.id = p_allocation AND (p_tenant IS NULL OR a.tenant_id = p_tenant)
$$;
