"""What a database of some size holds beside its fleet, so that every query has rows of others to pass over."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scheduler.adapters.postgres.migrate import migrate
from tests.support.databases import migrated_database
from tools.embedded import postgres
from tools.population import BULKY, Size, Tell, populate, session, silent

KEPT = Path(__file__).parents[2] / ".local" / "plans"


@dataclass(frozen=True, slots=True)
class Scale:
    """A population, and how many rows each of the other tables has, more or less; `name` is how it is asked for."""

    name: str
    population: Size
    rows: int


SMALL = Scale("small", Size(devices=5_000, ended=16_000, reservations=9_000, occupied=0.9), 5_000)
LARGE = Scale("large", Size(devices=1_000_000, ended=10_000_000, reservations=100_000, occupied=0.9), 200_000)
SCALES = {scale.name: scale for scale in (SMALL, LARGE)}

ROWS = """
UPDATE devices SET life = 'quarantined'
 WHERE id IN ((SELECT id FROM devices WHERE active_allocation_id IS NOT NULL ORDER BY id LIMIT 3)
              UNION ALL (SELECT id FROM devices WHERE is_free ORDER BY id DESC LIMIT 5));
UPDATE devices SET life = 'deleted' WHERE id IN (SELECT id FROM devices WHERE is_free ORDER BY id DESC LIMIT 100);
UPDATE devices SET life = 'draining' WHERE id IN (SELECT id FROM devices WHERE is_free ORDER BY id DESC LIMIT 6);
UPDATE devices SET life = 'recycling', recycling_since = clock_timestamp()
 WHERE id IN (SELECT id FROM devices WHERE is_free ORDER BY id DESC LIMIT 6);
UPDATE devices SET status = 'stopped' WHERE id IN (SELECT id FROM devices WHERE is_free ORDER BY id DESC LIMIT 6);
UPDATE devices d SET status = 'stopped' FROM spec_classes c
 WHERE c.id = d.class_id AND d.is_free AND c.device_type = 'android-12' AND c.memory_mb = 16384;
INSERT INTO quota_usage (tenant_id, user_id) SELECT 'tenant-x', 'user-' || n FROM generate_series(1, %(rows)s) n;
INSERT INTO quotas (tenant_id, user_id, plan_name)
SELECT 'tenant-x', 'user-' || n, 'free' FROM generate_series(1, %(rows)s) n;
INSERT INTO user_standing (tenant_id, user_id, paid_at)
SELECT 'tenant-x', 'user-' || n, clock_timestamp() FROM generate_series(1, %(rows)s) n;
INSERT INTO payment_failures (tenant_id, user_id, event_id, failed_at)
SELECT 'tenant-x', 'user-' || n, 'event-' || n, clock_timestamp() FROM generate_series(1, %(rows)s) n;
INSERT INTO allocation_renewals (allocation_id, number, renewed_at, additional_minutes, old_expires_at, new_expires_at)
SELECT a.id, n, a.allocated_at, 1, a.expires_at, a.expires_at + interval '1 minute'
  FROM (SELECT * FROM device_allocations WHERE status = 'allocated' LIMIT %(rows)s) a, generate_series(1, 2) n;
INSERT INTO outbox (type, subject, group_id, data, occurred_at, published_at)
SELECT 'device.released', 'd', 'd-' || n %% (%(rows)s / 50), '{}', clock_timestamp(),
       CASE WHEN n > 200 THEN clock_timestamp() END
  FROM generate_series(1, 2 * %(rows)s) n;
INSERT INTO inbox SELECT 'usage', 'event-' || n, clock_timestamp() FROM generate_series(1, %(rows)s) n;
INSERT INTO idempotency_keys (tenant_id, caller, route, key, body_hash, answer, created_at)
SELECT 'tenant-1', 'user:u', 'POST /r', 'key-' || n, '', '{}', clock_timestamp() - n * (interval '20 hours' / %(rows)s)
  FROM generate_series(1, %(rows)s) n;
INSERT INTO reservations (tenant_id, user_id, device_id, status, starts_at, ends_at, duration_minutes, allocation_id,
                          executed_at, created_at, updated_at)
SELECT 'tenant-' || n %% 20, 'user-' || n %% 400, 'device-' || lpad((n %% %(devices)s)::text, 7, '0'), kind.status,
       kind.starts_at, kind.starts_at + interval '1 hour', 60,
       CASE kind.status WHEN 'executing' THEN gen_random_uuid() END, kind.starts_at, clock_timestamp(),
       clock_timestamp()
  FROM generate_series(1, 100 + %(rows)s) n
 CROSS JOIN LATERAL (
    SELECT CASE WHEN n <= 100 THEN 'executing' ELSE (ARRAY['completed', 'cancelled'])[1 + n %% 2] END AS status,
           clock_timestamp() - interval '30 days' - n * (interval '20 days' / %(rows)s) AS starts_at) kind;
INSERT INTO queue_entries (tenant_id, user_id, status, tier, rank, duration_minutes, wants, terms_read_at, joined_at,
                           expires_at, ended_at, allocation_id)
SELECT 'tenant-' || n %% 20, 'user-' || n %% 400, kind.status, 'pro', n, 30,
       ROW ('fridge', NULL, NULL, NULL)::device_wants, ended_at - interval '5 minutes', ended_at - interval '5 minutes',
       ended_at + interval '1 day', CASE kind.status WHEN 'waiting' THEN NULL ELSE ended_at END,
       CASE kind.status WHEN 'fulfilled' THEN gen_random_uuid() END
  FROM (SELECT n, CASE WHEN n <= 5 THEN 'waiting' ELSE (ARRAY['fulfilled', 'expired', 'cancelled'])[1 + n %% 3] END
                   AS status, clock_timestamp() - n * (interval '52 days' / %(rows)s) AS ended_at
          FROM generate_series(1, 8 * %(rows)s / 5) n) kind;
INSERT INTO webhooks (id, tenant_id, slot, url, secret, types, created_at, waiting, next_attempt_at)
SELECT md5(n::text)::uuid, 'tenant-' || n %% (%(rows)s / 16), n / (%(rows)s / 16) + 1, 'https://h.example/',
       'whsec_AAAA', '{*}', clock_timestamp() - n * interval '1 minute', 1, clock_timestamp() + n * interval '1 day'
  FROM generate_series(1, %(rows)s) n;
INSERT INTO webhook_deliveries (webhook_id, event_id, type, body, created_at, next_attempt_at, delivered_at)
SELECT md5((n %% %(rows)s + 1)::text)::uuid, gen_random_uuid(), 'device.released', '{}', clock_timestamp(),
       CASE WHEN n <= %(rows)s THEN clock_timestamp() + n * interval '1 day' END,
       CASE WHEN n > %(rows)s THEN clock_timestamp() - n * (interval '20 hours' / %(rows)s) END
  FROM generate_series(1, 3 * %(rows)s) n;
INSERT INTO usage_records (allocation_id, segment, tenant_id, user_id, device_id, device_name, cpu_cores, memory_mb,
                           storage_mb, started_at, ended_at, seconds, recorded_at, delivered_at)
SELECT gen_random_uuid(), 1, 'tenant-' || n %% 20, 'user-' || n %% 400, 'device-0000001', 'phone', 4, 4096, 32768,
       at - interval '1 hour', at, 3600, at, at
  FROM (SELECT n, clock_timestamp() - interval '32 days' - n * (interval '380 days' / %(rows)s) AS at
          FROM generate_series(1, %(rows)s) n) old;
UPDATE retention_marks SET deleted_until = '-infinity';
INSERT INTO notifications (fact, type, tenant_id, user_id, language, title, message, data, channels, priority,
                           created_at, read_at)
SELECT 'fact-' || n, 'allocation_failed', 'tenant-' || n %% 20, 'user-' || n %% (%(rows)s / 20), 'en', 't', 'm', '{}',
       '{in_app}', 'normal', clock_timestamp() - n * (interval '35 days' / %(rows)s),
       CASE WHEN n %% 3 > 0 THEN clock_timestamp() END
  FROM generate_series(1, 4 * %(rows)s) n;
INSERT INTO notification_preferences (tenant_id, user_id, language, updated_at)
SELECT 'tenant-' || n %% 20, 'user-' || n, 'zh', clock_timestamp() FROM generate_series(1, %(rows)s) n;
INSERT INTO audit_log (at, operator, kind, entity_id, change, before, after)
SELECT clock_timestamp() - n * (interval '140 days' / %(rows)s), 'operator-' || n %% 50, 'device',
       'device-' || lpad((n %% 5000)::text, 7, '0'), 'update', '{}', '{}'
  FROM generate_series(1, 4 * %(rows)s) n;
"""


def fill(url: str, scale: Scale, tell: Tell = silent) -> None:
    """Fill a migrated, empty database, as its superuser."""
    populate(url, scale.population, tell)
    with session(url) as cursor:
        for statement in filter(str.strip, ROWS.split(";\n")):
            tell(" ".join(statement.split()[:3]))
            cursor.execute(statement, {"rows": scale.rows, "devices": scale.population.devices})
        tell("vacuum")


@contextmanager
def kept_database(scale: Scale) -> Iterator[str]:
    """Serve a database from a folder that stays, filled the first time; its progress goes to the terminal."""
    folder = KEPT / scale.name
    filled = folder / "filled"
    if not filled.exists():
        shutil.rmtree(folder, ignore_errors=True)
    with postgres(folder, settings=BULKY) as server:
        if filled.exists():
            url = server.url_of(scale.name)
            migrate(url)
            yield url
            return
        url = migrated_database(server, scale.name)
        began = time.monotonic()
        fill(
            url,
            scale,
            lambda step: print(f"{time.monotonic() - began:6.0f} s  {step}", file=sys.__stderr__, flush=True),
        )
        filled.touch()
        yield url
