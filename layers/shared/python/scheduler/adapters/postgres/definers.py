"""Routines that see all tenants: whoever calls them, they run as scheduler_engine, which passes the wall.

As few and as low as possible: each is here with its reason, and tells its caller less than it sees.
"""

DEFINERS: dict[str, str] = {
    "available_devices": "counts free devices by index alone, which the wall of devices would have read row by row",
    "await_reservable_device": "looks for a device past the reservations of all tenants",
    "batch_outlook": "gaps between the reservations of all tenants; tells classes and times",
    "can_be_booked": "whether a device is left, past the reservations of all tenants",
    "client_sessions": "sessions of other roles, for the audit",
    "count_allocations": "counts what a request ended of others too, one row a tenant; nothing else writes counters",
    "delete_deliveries": "finds old ones by an index on an expression, which is of no use behind the wall",
    "expire_due": "ends what is overdue of all tenants, also when a service asks for the sweep now",
    "is_awaited": "whether somebody of any tenant waits for such a device; tells no more",
    "is_reservable": "whether a reservation of any tenant overlaps; tells no more",
    "line_length": "how many wait, of all tenants; tells a number",
    "line_places": "places in the line of all tenants; tells numbers",
    "next_gap": "the next gap between a device's reservations, whosever they are; tells a time",
    "next_reserved": "the start of a device's next reservation, whosever it is; tells a time",
    "note_act": "writes the audit log, which no role of the functions may do in another way",
    "outbox_backlog": "how many events of all tenants wait to be published, and how long; tells numbers",
    "queue_outlook": "forecasts a wait from the line of all tenants; tells ranks, times and classes, no names",
    "read_quotas": "quotas of others too while they wait; tells what serving the line needs",
    "reap_batch": "ends what is overdue of others where it stands in the way of a batch",
    "reap_overdue": "ends what is overdue of others where it stands in the way of a request",
    "refresh_terms": "keeps what the quota allows a waiter of any tenant, whom whoever serves the line has read",
    "serve_next": "lends to the first of the line, whosever she is; tells that grant, for the log",
    "somebody_waits": "whether anybody waits, of any tenant; tells no more",
    "take_reservable_device": "looks for a device past the reservations of all tenants",
    "taken_windows": "overlapping reservations of all tenants; tells times, and ids that only their owner can look up",
    "worth_retrying": "whether something overdue of any tenant could be ended; tells no more",
}

# A routine whose text is replaced keeps its owner and its grants; a new one belongs to the role that migrates, and
# everybody may call it. The new owner needs the right to create for the moment in which it becomes that.
HAND_OVER = """
DO $$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT p.oid::regprocedure FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace AND p.proname = ANY (%s)
           AND (pg_get_userbyid(p.proowner) <> 'scheduler_engine'
                OR EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0))
    LOOP
        GRANT CREATE ON SCHEMA public TO scheduler_engine;
        EXECUTE format('ALTER FUNCTION %%s OWNER TO scheduler_engine', routine);
        REVOKE CREATE ON SCHEMA public FROM scheduler_engine;
        EXECUTE format('REVOKE ALL ON FUNCTION %%s FROM PUBLIC', routine);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %%s TO scheduler_app, scheduler_worker', routine);
    END LOOP;
END $$
"""
