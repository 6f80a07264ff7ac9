"""I8 and I10: what is late now, and who holds the database up."""

from scheduler.adapters.postgres.audit.check import Check
from scheduler.domain.audit import Invariant

# What is overdue was ended by the sweep that came after: one period, and 30 seconds for it to come and work.
ALLOCATION_OVERDUE = Check(
    "allocation overdue",
    Invariant.ENDS_IN_TIME,
    """
    SELECT jsonb_build_object('allocationId', id, 'deviceId', device_id, 'expiresAt', wire_time(expires_at)) AS offender
      FROM device_allocations
     WHERE status = 'allocated' AND expires_at < scheduler_now() - make_interval(secs => %(overdue_seconds)s)
     ORDER BY expires_at""",
)

# No transaction of ours, or of anybody who has written, locked rows or waits for a lock, is older than 10 seconds. One
# that only reads (a dump) holds nobody up. By the machine's clock, which is what the server's own figures follow.
TRANSACTION_LASTS = Check(
    "transaction lasts",
    Invariant.SHORT_TRANSACTIONS,
    """
    SELECT jsonb_build_object('pid', pid, 'application', application_name, 'state', state, 'waitsFor', wait_event_type,
                              'seconds', floor(extract(epoch FROM clock_timestamp() - xact_start))) AS offender
      FROM client_sessions()
     WHERE xact_start < clock_timestamp() - interval '10 seconds'
       AND (application_name = 'scheduler' OR backend_xid IS NOT NULL OR wait_event_type = 'Lock')
     ORDER BY xact_start""",
)

# Sessions of this database leave a fifth of what the server grants to others, and to the next burst.
TOO_MANY_SESSIONS = Check(
    "too many sessions",
    Invariant.SHORT_TRANSACTIONS,
    """
    SELECT jsonb_build_object('sessions', used.sessions, 'granted', granted.sessions) AS offender
      FROM (SELECT count(*) AS sessions FROM pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'client backend') used,
           (SELECT least(current_setting('max_connections')::int
                           - current_setting('superuser_reserved_connections')::int
                           - coalesce(current_setting('reserved_connections', true)::int, 0),
                         nullif(datconnlimit, -1)) AS sessions
              FROM pg_database WHERE datname = current_database()) granted
     WHERE used.sessions * 5 > granted.sessions * 4""",
)
