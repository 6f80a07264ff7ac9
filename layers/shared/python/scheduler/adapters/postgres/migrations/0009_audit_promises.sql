-- What the audit needs of reservations and the queue: the executing ones, and the events that tell of one of either.

CREATE INDEX reservations_executing ON reservations (allocation_id) WHERE status = 'executing';

-- Few of all events: those of grants and ends, which are found by their device, are not in it.
CREATE INDEX outbox_of_promises ON outbox (subject)
    WHERE starts_with(type, 'scheduler.reservation.') OR starts_with(type, 'scheduler.queue.');
