"""What a waiter is told, from real rows: the line, the fleet, and how allocations and promises have ended."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outlook import PostgresOutlook
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.domain.calibration import BUCKETS, PER_OCTAVE, SOFTENING_SECONDS, STRATA
from scheduler.domain.eta import HORIZON_SECONDS
from scheduler.domain.queue import Tier
from scheduler.domain.quota import QuotaLimits, QuotaTerms
from scheduler.service.estimator import Estimator
from tests.conftest import TEMPLATE
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.waiters import HOLD_MINUTES, join, line_on, release, wish
from tools.embedded import PostgresServer

ONE_DEVICE = QuotaTerms(refusal=None, valid_until=None, limits=QuotaLimits(devices=1))
LEARN_MINUTES = 11
"""Lessons are ten minutes old at most."""


def estimator_on(database: Database) -> Estimator:
    """The production use case on one connection."""
    return Estimator(PostgresOutlook(database, HOLD_MINUTES))


def lend(database: Database, *minutes: int) -> list[str]:
    """Lend a device to each of some users, for so many minutes; give the devices."""
    return [
        allocator_on(database).allocate(request(f"holder-{n}-{length}", minutes=length)).device_id
        for n, length in enumerate(minutes)
    ]


def lessons(database: Database) -> dict[str, Any]:
    """What was learned last."""
    (row,) = database.rows("SELECT * FROM outlook_lessons", {})
    return row


def about(minutes: float) -> object:
    """The times of the forecast lie 22 % apart."""
    return pytest.approx(minutes * 60, rel=0.25)


def test_each_of_the_line_is_told_when_her_device_comes_back(database: Database, still_clock: Clock) -> None:
    add_devices(database, 3)
    lend(database, 10, 30, 90)
    line = []
    for n in range(3):
        line.append(join(database, wish(f"waiter-{n}", minutes=120)))
        still_clock.advance(seconds=1)
    before = database.round_trips

    estimates = estimator_on(database).estimate([*line, "00000000-0000-4000-8000-000000000000"])

    assert database.round_trips == before + 1
    assert [estimates[entry].p50 for entry in line] == [about(10), about(30), about(90)]
    assert all(estimate.p50 <= estimate.p90 for estimate in estimates.values())
    assert len(estimates) == 3


def test_a_better_tier_is_told_a_shorter_wait(database: Database, still_clock: Clock) -> None:
    add_devices(database, 2)
    lend(database, 10, 30)
    free = join(database, wish("free", minutes=120), Tier.FREE)
    pro = join(database, wish("pro", minutes=120), Tier.PRO)

    estimates = estimator_on(database).estimate([free, pro])

    assert (estimates[pro].p50, estimates[free].p50) == (about(10), about(30))


def test_only_devices_that_fit_count(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1, cpu_cores=2, prefix="small")
    add_devices(database, 1, cpu_cores=8, prefix="big")
    small, _big = lend(database, 10, 60)
    assert small.startswith("small")
    big = join(database, wish("big", min_cpu=8))
    nothing = join(database, wish("limited"), terms=QuotaTerms(None, None, QuotaLimits(device_cpu_cores=2)))
    database.call("UPDATE devices SET status = 'stopped' WHERE cpu_cores = 2", {})

    estimates = estimator_on(database).estimate([big, nothing])

    assert estimates[big].p50 == about(60)
    assert estimates[nothing].p50 == HORIZON_SECONDS


def test_who_has_used_up_her_quota_waits_for_her_own_device(database: Database, still_clock: Clock) -> None:
    add_devices(database, 2)
    allocator_on(database).allocate(request("alice", minutes=60))
    lend(database, 10)
    alice = join(database, wish("alice"), terms=ONE_DEVICE)

    assert estimator_on(database).estimate([alice])[alice].p50 == about(60)


def test_a_device_lent_for_good_never_comes_back(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    lend(database, 10)
    database.call("UPDATE devices SET busy_until = NULL", {})
    alice = join(database, wish("alice"))

    assert estimator_on(database).estimate([alice])[alice].p50 == HORIZON_SECONDS


def test_a_promise_is_kept_once(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    lend(database, 60)
    alice = join(database, wish("alice"))
    promise = estimator_on(database).promise(alice)
    assert promise is not None
    still_clock.advance(minutes=30)

    later = estimator_on(database).promise(alice)

    assert later is not None
    assert later.p90 < promise.p90
    (kept,) = database.rows("SELECT promised_p50, promised_p90, raw_p50, raw_p90 FROM queue_entries", {})
    assert (kept["promised_p50"], kept["promised_p90"]) == (promise.p50, promise.p90)
    assert (kept["raw_p50"], kept["raw_p90"]) == pytest.approx((promise.raw_p50, promise.raw_p90), rel=1e-4)


def test_a_wait_that_is_over_is_promised_nothing(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    alice = join(database, wish("alice"))
    line_on(database).serve()

    assert estimator_on(database).promise(alice) is None
    assert estimator_on(database).estimate([alice]) == {}


def test_it_learns_how_allocations_end(database: Database, still_clock: Clock) -> None:
    add_devices(database, 5)
    early, half, _full, late, _active = lend(database, 40, 60, 80, 100, 1000)
    still_clock.advance(minutes=1)
    release(database, early)
    still_clock.advance(minutes=29)
    release(database, half)
    database.call(
        "UPDATE device_allocations SET renewal_count = 2, expires_at = expires_at + interval '30 minutes'"
        " WHERE device_id = %(device)s",
        {"device": late},
    )
    still_clock.advance(minutes=101)
    database.rows("SELECT expire_due(10)", {})

    estimator_on(database).estimate([])

    learned = lessons(database)["endings"]
    assert learned["early"] == [1, *[0] * 9, 1, *[0] * 9]
    assert (learned["inFull"], learned["lateSeconds"]) == (2, (600 + 60) / 2), (
        "a sweep that is very late counts as ten minutes"
    )
    assert (learned["renewals"], learned["renewedSeconds"]) == (2, 900)


def test_it_learns_again_when_what_it_knows_is_old(database: Database, still_clock: Clock) -> None:
    estimator = estimator_on(database)
    estimator.estimate([])
    first = lessons(database)["learned_at"]
    still_clock.advance(minutes=9)
    estimator.estimate([])
    assert lessons(database)["learned_at"] == first

    still_clock.advance(minutes=2)
    estimator.estimate([])

    assert lessons(database)["learned_at"] == still_clock.read()


def test_nobody_waits_for_another_who_learns(database_url: str, database: Database, still_clock: Clock) -> None:
    with closing(psycopg2.connect(database_url)) as learning:
        learning.cursor().execute("SELECT FROM outlook_lessons FOR UPDATE")
        before = lessons(database)

        assert estimator_on(database).estimate([]) == {}

    assert lessons(database) == before


def past_wait(database: Database, seconds: float, raw: float, status: str = "fulfilled", **more: Any) -> None:
    """Write a wait that has just ended (or goes on), promised as computed unless more is said."""
    told = {"p50": round(raw / 2), "p90": round(raw), "tenant": "acme"} | more
    database.call(
        "INSERT INTO queue_entries (tenant_id, user_id, status, tier, rank, duration_minutes, terms_read_at, joined_at,"
        " expires_at, ended_at, allocation_id, promised_p50, promised_p90, raw_p50, raw_p90)"
        " SELECT %(tenant)s, gen_random_uuid()::text, %(status)s, 'free', extract(epoch FROM at) - %(seconds)s, 60, at,"
        " at - %(seconds)s * interval '1 second', at + interval '1 hour',"
        " CASE WHEN %(status)s <> 'waiting' THEN at END,"
        " CASE WHEN %(status)s = 'fulfilled' THEN gen_random_uuid() END, %(p50)s, %(p90)s, %(raw)s / 2, %(raw)s"
        " FROM scheduler_clock() at",
        {"seconds": seconds, "raw": raw, "status": status, **told},
    )


def bucket(ratio: float) -> str:
    """The first bucket whose ratios begin at one that is a power of two."""
    octaves = {0.5: -1, 1: 0, 2: 1, 4: 2}[ratio]
    return str(BUCKETS // 2 + octaves * PER_OCTAVE)


def test_it_learns_by_what_multiple_it_was_wrong(database: Database, still_clock: Clock) -> None:
    soft = SOFTENING_SECONDS
    short, middling = STRATA[0] - 100, STRATA[0]
    past_wait(database, short, short)
    past_wait(database, 2 * (short + soft) - soft, short)
    past_wait(database, 2 * (middling + soft) - soft, middling)
    past_wait(database, (middling + soft) / 2 - soft, middling, "cancelled")
    past_wait(database, middling, middling, "waiting")
    past_wait(database, 1e9, STRATA[1], "expired")

    estimator_on(database).estimate([])

    assert lessons(database)["ratios"]["p90"] == {
        "0": {"served": {bucket(1): 1, bucket(2): 1}},
        "1": {"served": {bucket(2): 1}, "left": {bucket(0.5): 1, bucket(1): 1}},
        "2": {"left": {str(BUCKETS - 1): 1}},
    }


def test_what_it_was_wrong_by_stretches_what_it_tells(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    lend(database, 10 + LEARN_MINUTES)
    alice = join(database, wish("alice"))
    for _ in range(30):
        past_wait(database, 1230, 600)
    still_clock.advance(minutes=LEARN_MINUTES)

    stretched = estimator_on(database).estimate([alice])[alice]

    assert stretched.p90 == pytest.approx(2 * (stretched.raw_p90 + SOFTENING_SECONDS), rel=0.05)


def test_calibration_counts_what_is_known(database: Database, still_clock: Clock) -> None:
    past_wait(database, 40, 100)
    past_wait(database, 90, 100)
    past_wait(database, 100, 100)
    past_wait(database, 101, 100)
    past_wait(database, 101, 100, "expired")
    past_wait(database, 99, 100, "expired")
    past_wait(database, 20, 100, "cancelled")
    past_wait(database, 20, 100, "waiting")
    past_wait(database, 20, 100, p90=None)
    past_wait(database, 20, 100, tenant="globex")

    found = estimator_on(database).calibration("acme")

    assert (found.known, found.within_p50, found.within_p90, found.unknown) == (5, 1, 3, 2)
    assert (found.share_within_p90, found.days) == (0.6, 7)
    assert estimator_on(database).calibration().known == 6
    still_clock.advance(days=8)
    assert estimator_on(database).calibration().known == 0


BUSY = """
INSERT INTO spec_classes (device_type, cpu_cores, memory_mb, storage_mb)
VALUES ('phone', 2, 2048, 1), ('phone', 4, 2048, 1);
INSERT INTO devices (id, name, device_type, cpu_cores, memory_mb, storage_mb, adb_host, adb_port, class_id)
SELECT 'device-' || n, 'phone', 'phone', c.cpu_cores, 2048, 1, '10.0.0.7', 5555, c.id
  FROM generate_series(1, 6000) n JOIN spec_classes c ON c.cpu_cores = 2 + 2 * mod(n, 2);
INSERT INTO device_allocations (device_id, user_id, tenant_id, fencing_token, allocated_at, expires_at, status,
                                released_at)
SELECT 'device-' || n, 'user-' || n, 'acme', 1, at - interval '1 hour', at + n * interval '1 second', 'released',
       at - n * interval '1 second'
  FROM clock_timestamp() at, generate_series(1, 6000) n;
INSERT INTO device_allocations (device_id, user_id, tenant_id, fencing_token, allocated_at, expires_at)
SELECT 'device-' || n, 'user-' || n, 'acme', 2, at, at + n * interval '1 second'
  FROM clock_timestamp() at, generate_series(1, 6000) n;
UPDATE devices d SET active_allocation_id = a.id, busy_until = a.expires_at FROM device_allocations a
 WHERE a.device_id = d.id AND a.status = 'allocated';
INSERT INTO queue_entries (tenant_id, user_id, tier, rank, duration_minutes, terms_read_at, joined_at, expires_at,
                           raw_p50, raw_p90, promised_p50, promised_p90, status, ended_at)
SELECT 'acme', 'waiter-' || n, 'pro', n, 60, at, at - interval '30 minutes', at + interval '1 hour', 600, 900, 600, 900,
       CASE WHEN n > 15000 THEN 'waiting' ELSE 'expired' END, CASE WHEN n <= 15000 THEN at - n * interval '1 second' END
  FROM clock_timestamp() at, generate_series(1, 20000) n;
"""
MOST_ROWS = 9_000
"""Lessons 2,600, the line 1,500 by several ways, devices 1,000 with their allocations, users; of 38,000 rows."""


@pytest.fixture
def busy(postgres_server: PostgresServer) -> Iterator[Database]:
    """A large fleet that is all lent, and a long line."""
    url = postgres_server.create_database("busy", TEMPLATE)
    with closing(Database(lambda: url)) as database:
        database.call(BUSY.replace("%", "%%"), {})
        database.call("VACUUM ANALYZE", {})
        yield database
    postgres_server.drop_database("busy")


def test_an_estimate_reads_a_bounded_part_of_a_large_fleet_and_a_long_line(busy: Database) -> None:
    last = busy.call("SELECT id::text FROM queue_entries WHERE status = 'waiting' ORDER BY rank DESC LIMIT 1", {})
    before = counters(busy)

    assert estimator_on(busy).estimate([last])[last].p90 > 0

    scans, rows = (now - then for now, then in zip(counters(busy), before, strict=True))
    assert scans == 0
    assert rows < MOST_ROWS
    assert PostgresQueue(busy).length() == 5000


def counters(database: Database) -> tuple[int, int]:
    """Read the counts of whole scans of the large tables, and of rows fetched from them."""
    database.call("SELECT pg_stat_force_next_flush()", {})
    database.call("SELECT 1", {})
    (row,) = database.rows(
        "SELECT sum(seq_scan)::int AS scans, sum(seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_user_tables"
        " WHERE relname IN ('devices', 'device_allocations', 'queue_entries', 'quota_usage')",
        {},
    )
    return row["scans"], row["rows"]
