"""Rows that come in past the claim, while others claim."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2

from scheduler.adapters.postgres.connection import Database
from tests.support.contenders import add_devices, allocator_on, ask_at_once, request
from tests.support.ledger import assert_ledger_agrees

ADOPT = (
    "INSERT INTO device_allocations (device_id, user_id, tenant_id) VALUES (%s, %s, 'acme')"
    " ON CONFLICT DO NOTHING RETURNING id"
)


def test_an_import_and_claims_at_once_end_in_one_ledger(database: Database, database_url: str) -> None:
    device_ids = add_devices(database, 60)
    wanted = [request(f"user-{number}") for number in range(20)]

    with ThreadPoolExecutor(1) as pool:
        claims = pool.submit(ask_at_once, database_url, wanted, lambda own: allocator_on(own).allocate)
        imported = import_all(database_url, device_ids)
        granted = len(claims.result(timeout=60).grants)

    held = database.call("SELECT count(*) FROM device_allocations WHERE status = 'allocated'", {})
    assert held == imported + granted
    assert_ledger_agrees(database)


def import_all(database_url: str, device_ids: Sequence[str]) -> int:
    """Insert an active row a device, skipping what is taken, as an importer does; tell how many went in."""
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        inserted = 0
        for number, device_id in enumerate(device_ids):
            cursor.execute(ADOPT, (device_id, f"imported-{number}"))
            inserted += cursor.rowcount
        return inserted
