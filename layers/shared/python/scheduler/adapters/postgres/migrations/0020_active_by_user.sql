-- What a user holds now, the soonest to end first: what is overdue of it is looked for before she is refused, and all of it is
-- ended with her. By the index of all that she ever had, that read her whole history.
CREATE INDEX device_allocations_active_user ON device_allocations (user_id, tenant_id, expires_at) WHERE status = 'allocated';
