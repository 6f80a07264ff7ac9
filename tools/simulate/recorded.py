"""Reads from a running database who was lent what in the last days, as a trace, and of what sizes its fleet is."""

import csv
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.plans import BUILT_IN_PLANS
from tools.simulate.demand import MINUTE
from tools.simulate.trace import COLUMNS, LONGEST_MINUTES, Row

PAGE = 1000
MOST = 1_000_000
"""Allocations; of more the earliest are taken."""
USUAL_PLAN = "pro"
"""Of users whose plan is not kept here, or is none of the built-in ones."""
NO_ID = "00000000-0000-0000-0000-000000000000"
_ENDED = """
SELECT a.id::text AS id, a.released_at, extract(epoch FROM a.allocated_at)::float8 AS at,
       coalesce(a.tenant_id, 'default') AS tenant, a.user_id, q.plan_name AS plan, a.duration_minutes AS minutes,
       coalesce(a.duration_seconds, 0) AS seconds, (a.wants).min_cpu AS min_cpu, (a.wants).min_memory_mb AS min_memory
  FROM device_allocations a
  LEFT JOIN quotas q ON q.tenant_id = coalesce(a.tenant_id, 'default') AND q.user_id = a.user_id
 WHERE a.status <> 'allocated' AND a.released_at >= %(after)s AND (a.released_at, a.id) > (%(after)s, %(id)s::uuid)
 ORDER BY a.released_at, a.id
 LIMIT %(limit)s
"""
_FLEET = """
SELECT id, cpu_cores, memory_mb FROM devices WHERE life <> 'deleted' AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""

type Sizes = tuple[tuple[int, int], ...]
"""Cores and MB of each device."""


class NothingRecorded(ValueError):
    """There is nothing to replay."""


def record(url: str, days: float, trace: Path, tell: Callable[[float], None]) -> Sizes:
    """Write what ended in the last days as a trace; give the sizes of the fleet. `tell` hears what share is read.

    Only reads; a page at a time.

    Raises:
        NothingRecorded: Nothing has ended, or there is no device.
        NotAConnectionUrl, Unavailable, StatementFailed: The database cannot be read.
    """
    database = Database(lambda: url)
    try:
        sizes = tuple(_sizes(database))
        if not sizes:
            raise NothingRecorded("the database has no devices")
        trace.parent.mkdir(parents=True, exist_ok=True)
        with trace.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, COLUMNS)
            rows.writeheader()
            heading = file.tell()
            rows.writerows(_rows(database, days, tell))
            is_empty = file.tell() == heading
        if is_empty:
            raise NothingRecorded(f"nothing that was lent has ended in the last {days:g} days")
    finally:
        database.close()
    tell(1.0)
    return sizes


def _rows(database: Database, days: float, tell: Callable[[float], None]) -> Iterator[Row]:
    asked = "SELECT at, at - make_interval(secs => %(seconds)s) AS since FROM scheduler_clock() at"
    span = database.rows(asked, {"seconds": days * 86_400})[0]
    until, since, last = span["at"], span["since"], NO_ID
    after: datetime = since
    for _ in range(MOST // PAGE):
        found = database.rows(_ENDED, {"after": after, "id": last, "limit": PAGE})
        for row in found:
            used = max(row["seconds"], 1)
            yield {
                "at_seconds": f"{row['at']:.3f}",
                "use_seconds": str(used),
                "minutes": str(min(max(row["minutes"], math.ceil(used / MINUTE)), LONGEST_MINUTES)),
                "tenant": row["tenant"],
                "user": row["user_id"],
                "plan": row["plan"] if row["plan"] in BUILT_IN_PLANS else USUAL_PLAN,
                "min_cpu": str(row["min_cpu"] or ""),
                "min_memory_mb": str(row["min_memory"] or ""),
            }
        if len(found) < PAGE:
            return
        after, last = found[-1]["released_at"], found[-1]["id"]
        tell((after - since) / (until - since))


def _sizes(database: Database) -> Iterator[tuple[int, int]]:
    after = ""
    for _ in range(MOST // PAGE):
        found = database.rows(_FLEET, {"after": after, "limit": PAGE})
        yield from ((row["cpu_cores"], row["memory_mb"]) for row in found)
        if len(found) < PAGE:
            return
        after = found[-1]["id"]
