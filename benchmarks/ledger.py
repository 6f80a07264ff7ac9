"""After the runs: does the database hold exactly what the cycles did? A benchmark of wrong answers is worthless."""

import psycopg2

from benchmarks.outcome import WrongAnswer

_NOTHING_LEFT = {
    "devices still held": "SELECT count(*) FROM devices WHERE active_allocation_id IS NOT NULL OR NOT is_free",
    "allocations not released": "SELECT count(*) FROM device_allocations WHERE status <> 'released'",
    "users with usage left": "SELECT count(*) FROM quota_usage"
    " WHERE (devices, cpu_cores, memory_mb, storage_mb) <> (0, 0, 0, 0)",
    "overlapping holds of one device": "SELECT count(*) FROM (SELECT allocated_at"
    " < lag(released_at) OVER (PARTITION BY device_id ORDER BY fencing_token) AS doubled FROM device_allocations) a"
    " WHERE doubled",
    "devices whose fencing tokens do not run 1, 2, 3 …": "SELECT count(*) FROM devices d LEFT JOIN ("
    "SELECT device_id, count(*) AS grants, count(DISTINCT fencing_token) AS tokens, max(fencing_token) AS last"
    " FROM device_allocations GROUP BY device_id) a ON a.device_id = d.id"
    " WHERE (coalesce(a.grants, 0), coalesce(a.tokens, 0), coalesce(a.last, 0)) <> (d.fence, d.fence, d.fence)",
}
_ONE_A_CYCLE = {
    "allocations": "SELECT count(*) FROM device_allocations",
    "grants counted": "SELECT sum(granted) FROM allocation_counters",
    "releases counted": "SELECT sum(released) FROM allocation_counters",
    "device.allocated events": "SELECT count(*) FROM outbox WHERE type = 'device.allocated'",
    "device.released events": "SELECT count(*) FROM outbox WHERE type = 'device.released'",
}


def check_ledger(url: str, cycles: int) -> str:
    """Compare the database with the number of cycles that handlers and floor together ran; say what was checked.

    Raises:
        WrongAnswer: Something is left over, overlaps or was lost.
    """
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            found = [(name, _count(cursor, query), 0) for name, query in _NOTHING_LEFT.items()]
            found += [(name, _count(cursor, query), cycles) for name, query in _ONE_A_CYCLE.items()]
    finally:
        connection.close()
    wrong = [f"{name}: {count}, not {expected}" for name, count, expected in found if count != expected]
    if wrong:
        raise WrongAnswer("the ledger is wrong: " + "; ".join(wrong))
    return f"after {cycles} cycles nothing is held, nothing overlapped, and tokens, counters and events agree"


def _count(cursor: "psycopg2.extensions.cursor", query: str) -> int:
    cursor.execute(query)
    row = cursor.fetchone()
    return int((row and row[0]) or 0)
