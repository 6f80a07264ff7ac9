"""What a cycle of allocate and release costs here: processor time, log, rows, and how fast one machine is."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from benchmarks.crew import Crew, crew
from benchmarks.crowd.place import environment, fill
from benchmarks.floor import Floor
from benchmarks.worker import Lap, Order, work
from tools.embedded import postgres, valkey

WORKERS = (1, 8, 32)
_PLAN = "enterprise"
_MICRO = 1_000_000
_HEAD_START_SECONDS = 0.2
_SETTLE_SECONDS = 1.0
"""Sessions that have just hung up count once Postgres has taken leave of them: not as living ones, nor twice."""


class Costs:
    """Processor time and log position of the servers, from one look to the next."""

    def __init__(self, url: str, postgres_pid: int, valkey_pid: int) -> None:
        """Take the servers' process ids."""
        self._url = url
        self._postgres, self._valkey = psutil.Process(postgres_pid), psutil.Process(valkey_pid)

    def look(self) -> dict[str, float]:
        """Give seconds of processor time of both, bytes of log and bytes of tables and indexes."""
        time.sleep(_SETTLE_SECONDS)
        times = self._valkey.cpu_times()
        return {
            "postgres": _with_children(self._postgres),
            "valkey": times.user + times.system,
            "wal": float(_ask(self._url, "SELECT pg_current_wal_lsn() - '0/0'")),
            "kept": float(_ask(self._url, "SELECT pg_database_size(current_database())")),
            "rows": float(_ask(self._url, _ROWS)),
        }


_ROWS = """SELECT (SELECT count(*) FROM device_allocations) + (SELECT count(*) FROM outbox)
 + (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM usage_records)"""


def measure(seconds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run the floor and the handlers at 1, 8 and 32 workers, on a durable server; give costs a cycle, and rates."""
    found: dict[str, Any] = {"seconds": seconds, "cores": os.cpu_count(), "floor": [], "handlers": []}
    with _servers() as (url, costs, folder):
        floor = Floor(url, folder, _PLAN)
        for workers in WORKERS:
            tell(f"floor, {workers} clients")
            before, at = costs.look(), floor.run(workers, seconds)
            found["floor"].append(
                {"workers": workers, "per_second": round(at.per_second, 1), "mean_ms": at.mean_ms}
                | _a_cycle(before, costs.look(), at.cycles)
            )
        for workers in WORKERS:
            tell(f"handlers, {workers} workers")
            found["handlers"].append(_handlers(workers, seconds, costs))
    found["load"] = round(os.getloadavg()[0], 1)
    return found


def _handlers(workers: int, seconds: int, costs: Costs) -> dict[str, float]:
    with crew(workers, work) as running:
        _run(running, 2)
        before = costs.look()
        laps, elapsed = _run(running, seconds)
        cycles = sum(len(lap.cycles) for lap in laps)
        own = sum(lap.cpu_seconds for lap in laps) / cycles * _MICRO
        return {"workers": workers, "per_second": round(cycles / elapsed, 1), "python_us": round(own)} | _a_cycle(
            before, costs.look(), cycles
        )


def _run(running: Crew[Lap], seconds: int) -> tuple[list[Lap], float]:
    """Run one lap; give it, and the seconds from the common start to the last one's end."""
    order = Order(time.monotonic() + _HEAD_START_SECONDS, seconds)
    laps = running.tell_all(order, seconds)
    return laps, max(lap.ended_at for lap in laps) - order.start_at


def _a_cycle(before: Mapping[str, float], after: Mapping[str, float], cycles: int) -> dict[str, float]:
    grown = {name: (after[name] - before[name]) / cycles for name in before}
    return {
        "postgres_us": round(grown["postgres"] * _MICRO),
        "valkey_us": round(grown["valkey"] * _MICRO),
        "wal_bytes": round(grown["wal"]),
        "kept_bytes": round(grown["kept"]),
        "rows": round(grown["rows"], 2),
    }


@contextmanager
def _servers() -> Iterator[tuple[str, Costs, Path]]:
    with postgres(durable=True) as server, valkey() as cache, tempfile.TemporaryDirectory() as folder:
        url = server.create_database("scale")
        before = dict(os.environ)
        os.environ.update(environment(url, cache.port))
        try:
            fill(url)
            yield url, Costs(url, _listener(server.port), _listener(cache.port)), Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _listener(port: int) -> int:
    """Find which process listens there."""
    for found in psutil.net_connections("tcp"):
        if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr[1] == port and found.pid:
            return found.pid
    raise LookupError(f"nobody listens on {port}")


def _with_children(parent: psutil.Process) -> float:
    """Seconds of a process, of those of its children that have ended, and of those that live."""
    own = parent.cpu_times()
    seconds = own.user + own.system + own.children_user + own.children_system
    for child in parent.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return float(seconds)


def _ask(url: str, question: str) -> Any:
    session = psycopg2.connect(url)
    try:
        with session.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        session.close()
