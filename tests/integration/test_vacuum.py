"""Tables that change all the time do not grow without bound: updates stay on their page, sweeps come early."""

import psycopg2

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from tests.support.api import Api

CYCLES = 80
USERS = 5
MOST_DEAD_ROWS = 250_000
"""What one sweep may have to tidy up, at 10 million rows."""
MANY_ROWS = 10_000_000
SWEPT = {
    "quota_usage",
    "allocation_counters",
    "leases",
    "devices",
    "device_allocations",
    "outbox",
    "idempotency_keys",
    "inbox",
}
HOT = {"quota_usage", "allocation_counters", "leases", "idempotency_keys"}


def churn(api: Api, database: Database) -> None:
    """Lend and take back; a lease is renewed each time."""
    outbox = PostgresOutbox(database)
    for number in range(CYCLES):
        device_id = api.allocate(userId=f"user-{number % USERS}", key=f"{database.round_trips}").data["deviceId"]
        assert api.release(device_id).status == 200
        outbox.acquire_lease("relay", 10)


def vacuum(url: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        connection.cursor().execute("VACUUM")
    finally:
        connection.close()


def sizes(database: Database, tables: set[str]) -> dict[str, int]:
    """Bytes of tables with their indexes."""
    rows = database.rows(
        "SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE relname = ANY (%(tables)s)",
        {"tables": sorted(tables)},
    )
    return {row["relname"]: row["bytes"] for row in rows}


def test_hot_rows_are_changed_on_their_page(api: Api, database: Database) -> None:
    api.add_devices(USERS)
    churn(api, database)

    for session in (*runtime.database().by_role.values(), database):
        session.call("SELECT pg_stat_force_next_flush()", {})
    rows = database.rows(
        "SELECT relname, n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables"
        " WHERE relname = ANY (%(tables)s)",
        {"tables": sorted(HOT)},
    )
    assert {row["relname"] for row in rows if row["hot"] < 0.9 * row["updates"]} == set()
    assert all(row["updates"] > 0 for row in rows)


def test_what_is_swept_is_used_again(api: Api, database: Database, database_url: str) -> None:
    api.add_devices(USERS)
    hot = {"quota_usage", "allocation_counters", "leases", "devices"}
    for _ in range(2):
        churn(api, database)
        vacuum(database_url)
    settled = sizes(database, hot)

    for _ in range(3):
        churn(api, database)
        vacuum(database_url)

    assert {table: size for table, size in sizes(database, hot).items() if size > settled[table]} == {}


def test_no_sweep_waits_for_millions_of_dead_rows(database: Database) -> None:
    rows = database.rows(
        "SELECT relname, current_setting('autovacuum_vacuum_scale_factor')::float8 AS scale, 50 AS threshold,"
        " coalesce((SELECT jsonb_object_agg(option_name, option_value)"
        " FROM pg_options_to_table(reloptions)), '{}') AS own FROM pg_class WHERE relname = ANY (%(tables)s)",
        {"tables": sorted(SWEPT)},
    )
    most = {
        row["relname"]: float(row["own"].get("autovacuum_vacuum_threshold", row["threshold"]))
        + float(row["own"].get("autovacuum_vacuum_scale_factor", row["scale"])) * MANY_ROWS
        for row in rows
    }

    assert most.keys() == SWEPT
    assert {table: dead for table, dead in most.items() if dead > MOST_DEAD_ROWS} == {}
