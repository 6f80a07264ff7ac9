"""The schema that the migrations make, and the runner that makes it."""

import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from scheduler.adapters.postgres import migrate as runner
from scheduler.adapters.postgres.connection import Database, StatementFailed
from scheduler.adapters.postgres.migrate import MigrationChanged, Script, migrate, scripts
from tools import migrate as migrate_tool
from tools import schema_dump
from tools.embedded import PostgresServer, free_port

MIGRATIONS = [script.name for script in scripts("migrations")]
ROUTINES = [script.name for script in scripts("routines")]

SPECIFIED_COLUMNS = {
    # name: (type, may be null, default)
    "id": ("uuid", False, "gen_random_uuid()"),
    "device_id": ("character varying(255)", False, None),
    "user_id": ("character varying(255)", False, None),
    "tenant_id": ("character varying(255)", True, "'default'::character varying"),
    "status": ("character varying(50)", False, "'allocated'::character varying"),
    "allocated_at": ("timestamp with time zone", False, "now()"),
    "released_at": ("timestamp with time zone", True, None),
    "expires_at": ("timestamp with time zone", True, None),
    "duration_minutes": ("integer", False, "60"),
    "duration_seconds": ("integer", True, None),
    "metadata": ("jsonb", True, None),
    "created_at": ("timestamp with time zone", False, "now()"),
    "updated_at": ("timestamp with time zone", False, "now()"),
}


OBJECTS = """
    SELECT name FROM (
        SELECT relkind::text || ' ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal) objects (name)
     ORDER BY name"""


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of a database without anything."""
    name = f"empty_{uuid.uuid4().hex}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


class TestDeviceAllocations:
    """The table, exactly as specified."""

    def test_its_columns_are_the_specified_ones(self, database: Database) -> None:
        rows = database.rows(
            "SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS may_be_null,"
            " pg_get_expr(adbin, adrelid) AS default"
            " FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)"
            " WHERE attrelid = 'device_allocations'::regclass AND attnum > 0 AND NOT attisdropped",
            {},
        )

        found = {row["name"]: (row["type"], row["may_be_null"], row["default"]) for row in rows}
        assert {name: found.get(name) for name in SPECIFIED_COLUMNS} == SPECIFIED_COLUMNS
        assert "fencing_token" in found

    def test_its_key_is_the_id(self, database: Database) -> None:
        assert _constraint(database, "p") == "PRIMARY KEY (id)"

    @pytest.mark.parametrize("status", ["allocated", "released", "expired", "revoked"])
    def test_the_statuses_are_four(self, database: Database, status: str) -> None:
        _insert(database, status=status)

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param({"status": "lost"}, id="another status"),
            pytest.param({"duration_minutes": 0}, id="no minutes"),
            pytest.param({"duration_minutes": -5}, id="negative minutes"),
            pytest.param({"duration_seconds": -1}, id="negative seconds"),
        ],
    )
    def test_wrong_values_are_refused(self, database: Database, wrong: dict[str, Any]) -> None:
        with pytest.raises(StatementFailed, match="CheckViolation"):
            _insert(database, **wrong)

    @pytest.mark.parametrize("column", ["device_id", "user_id", "status", "allocated_at", "duration_minutes"])
    def test_what_must_be_there_is(self, database: Database, column: str) -> None:
        with pytest.raises(StatementFailed, match="NotNullViolation"):
            _insert(database, **{column: None})

    def test_a_device_has_one_active_allocation_and_any_number_of_ended_ones(self, database: Database) -> None:
        for status in ("released", "released", "expired", "revoked", "allocated"):
            _insert(database, status=status)

        with pytest.raises(StatementFailed, match="device_allocations_active_device"):
            _insert(database)

    def test_that_is_a_partial_unique_index(self, database: Database) -> None:
        (definition,) = _column(
            database,
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indisunique AND indpred IS NOT NULL"
            " AND indrelid = 'device_allocations'::regclass",
        )

        assert re.search(r"UNIQUE .* \(device_id\) WHERE .*status.* = 'allocated'", definition)

    def test_a_row_without_a_tenant_belongs_to_the_default_one(self, database: Database) -> None:
        _insert(database, tenant_id=None)

        assert _column(database, "SELECT tenant_id FROM device_allocations") == ["default"]

    def test_every_update_moves_updated_at(self, database: Database) -> None:
        _insert(database, status="released", updated_at="2020-01-01")

        database.call("UPDATE device_allocations SET metadata = '{}'", {})

        assert _column(database, "SELECT updated_at > '2021-01-01' AND updated_at > created_at FROM device_allocations")

    def test_the_table_and_its_columns_say_what_they_are(self, database: Database) -> None:
        described = _column(
            database,
            "SELECT coalesce(attname, 'the table') FROM pg_description"
            " LEFT JOIN pg_attribute ON (attrelid, attnum) = (objoid, objsubid) AND attnum > 0"
            " WHERE objoid = 'device_allocations'::regclass",
        )

        assert set(described) >= {"the table", *SPECIFIED_COLUMNS} - {"created_at", "updated_at"}


class TestTime:
    """Only the database's clock decides, and it is read after the locks."""

    def test_the_clock_of_the_routines_is_the_real_one(self, database: Database) -> None:
        (row,) = database.rows(
            "SELECT prosrc, provolatile::text, prorettype::regtype::text"
            " FROM pg_proc WHERE proname = 'scheduler_clock'",
            {},
        )

        assert " ".join(row["prosrc"].split()) == "SELECT clock_timestamp()"
        assert (row["provolatile"], row["prorettype"]) == ("v", "timestamp with time zone")

    def test_no_function_asks_another_clock(self, database: Database) -> None:
        other_clocks = (
            r"\m(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\M\s*\("
            r"|\m(current_timestamp|localtimestamp|current_date|current_time|localtime)\M"
        )

        culprits = _column(
            database,
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname <> 'scheduler_clock'"
            " AND prosrc ~* %(clocks)s",
            clocks=other_clocks,
        )

        assert culprits == []

    def test_sessions_are_limited_and_speak_utc(self, database_url: str) -> None:
        with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, setting::int / CASE unit WHEN 's' THEN 1 ELSE 1000 END FROM pg_settings"
                " WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout')"
            )
            limits = dict(cursor.fetchall())
            cursor.execute("SHOW timezone")
            (zone,) = cursor.fetchone()

        assert all(0 < seconds <= 10 for seconds in limits.values()), limits
        assert len(limits) == 3
        assert zone == "UTC"


class TestRunner:
    """Migrations once each, in order; routines whenever they change."""

    def test_an_empty_database_gets_everything(self, empty_url: str) -> None:
        done = migrate(empty_url)

        assert list(done.applied) == MIGRATIONS
        assert list(done.routines) == ROUTINES
        assert done.version == MIGRATIONS[-1].partition("_")[0]

    def test_a_second_run_changes_nothing(self, database_url: str) -> None:
        again = migrate(database_url)

        assert (again.applied, again.routines) == ((), ())

    def test_two_runs_at_once_take_turns(self, empty_url: str) -> None:
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(migrate, [empty_url] * 2))

        assert sorted(len(run.applied) for run in runs) == [0, len(MIGRATIONS)]
        assert sorted(len(run.routines) for run in runs) == [0, len(ROUTINES)]

    def test_an_edited_migration_is_refused(self, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        _replace(monkeypatch, "migrations", lambda script: Script(script.name, script.text + "\n-- edited"))

        with pytest.raises(MigrationChanged, match=MIGRATIONS[0]):
            migrate(database_url)

    def test_a_changed_routine_is_applied_again(
        self, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def edited(script: Script) -> Script:
            changed = script.text.replace("SELECT clock_", "SELECT /* new */ clock_")
            return Script(script.name, changed if script.name == "scheduler_clock" else script.text)

        _replace(monkeypatch, "routines", edited)

        assert migrate(database_url).routines == ("scheduler_clock",)
        assert "new" in database.call("SELECT prosrc FROM pg_proc WHERE proname = 'scheduler_clock'", {})

    @pytest.mark.parametrize("folder", ["migrations", "routines"])
    def test_what_fails_leaves_nothing_behind(
        self, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, folder: str
    ) -> None:
        broken = Script("9999_broken", "CREATE TABLE half (id int); SELECT 1 / 0;")
        _add(monkeypatch, folder, broken)

        with pytest.raises(errors.DivisionByZero):
            migrate(database_url)

        assert database.call("SELECT to_regclass('half')", {}) is None
        assert "9999_broken" not in _column(database, f"SELECT name FROM schema_{folder}")

    def test_routines_change_together(
        self, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def edited(script: Script) -> Script:
            text = {"scheduler_clock": script.text.replace("clock_", "/* new */ clock_"), "wire_time": "SELECT 1 / 0"}
            return Script(script.name, text.get(script.name, script.text))

        _replace(monkeypatch, "routines", edited)

        with pytest.raises(errors.DivisionByZero):
            migrate(database_url)
        assert "new" not in database.call("SELECT prosrc FROM pg_proc WHERE proname = 'scheduler_clock'", {})

    def test_after_a_failure_the_repaired_one_is_applied(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            _add(broken, "migrations", Script("9999_table", "SELECT 1 / 0;"))
            with pytest.raises(errors.DivisionByZero):
                migrate(database_url)

        _add(monkeypatch, "migrations", Script("9999_table", "CREATE TABLE repaired (id int);"))
        assert migrate(database_url).applied == ("9999_table",)

    def test_a_migration_may_ask_to_run_outside_a_transaction(
        self, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "-- no-transaction\nCREATE INDEX CONCURRENTLY later ON device_allocations (created_at)"
        _add(monkeypatch, "migrations", Script("9999_index", text))

        assert migrate(database_url).applied == ("9999_index",)
        assert database.call("SELECT indisvalid FROM pg_index WHERE indexrelid = 'later'::regclass", {}) is True


class TestDocument:
    """docs/schema.sql."""

    def test_it_is_up_to_date(self, database_url: str) -> None:
        assert schema_dump.document(database_url) == schema_dump.DOCUMENT.read_text(), "run make schema"

    def test_it_tells_nothing_of_the_machine_that_wrote_it(self) -> None:
        text = schema_dump.DOCUMENT.read_text()

        assert not re.search(r"(?m)\\restrict|Dumped|pg_dump|OWNER|^GRANT", text)

    def test_a_database_without_the_routines_can_be_made_from_it(self, empty_url: str, database: Database) -> None:
        with closing(psycopg2.connect(empty_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(schema_dump.DOCUMENT.read_text())

        with closing(Database(lambda: empty_url)) as made:
            routines = {f"function {name}" for name in ROUTINES}
            assert set(_column(made, OBJECTS)) == set(_column(database, OBJECTS)) - routines

    def test_a_dump_that_fails_says_so(self) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            schema_dump.document(f"postgresql://127.0.0.1:{free_port()}/nowhere")


class TestCommand:
    """make migrate DATABASE_URL=…."""

    def test_it_migrates_seeds_the_plans_and_says_what_it_did(
        self, environment: pytest.MonkeyPatch, empty_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        environment.setenv("DATABASE_URL", empty_url)

        assert migrate_tool.main() == 0
        assert MIGRATIONS[0] in capsys.readouterr().out
        with closing(Database(lambda: empty_url)) as own:
            assert "pro" in _column(own, "SELECT name FROM quota_plans")

        assert migrate_tool.main() == 0
        assert "no new migration" in capsys.readouterr().out

    def test_without_a_url_it_says_what_to_give(
        self, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        environment.setenv("DATABASE_URL", "")

        assert migrate_tool.main() == 2
        assert "make migrate DATABASE_URL=" in capsys.readouterr().err
        environment.setenv("DATABASE_URL", "postgresql://127.0.0.1/unused")  # what the fixture hangs up on

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("postgresql://u:s3cret@127.0.0.1:{port}/x", "does not answer"),
            ("postgresql:/u:s3cret@127.0.0.1/x", "cannot be used"),
            ("s3cret", "cannot be used"),
        ],
    )
    def test_what_is_wrong_is_told_without_the_password(
        self, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, told: str
    ) -> None:
        environment.setenv("DATABASE_URL", url.format(port=free_port()))

        assert migrate_tool.main() == 2
        printed = capsys.readouterr().err
        assert told in printed
        assert "s3cret" not in printed


def _replace(monkeypatch: pytest.MonkeyPatch, folder: str, edit: Callable[[Script], Script]) -> None:
    """Make the runner see the scripts of a folder edited."""
    monkeypatch.setattr(
        runner, "scripts", lambda asked: [edit(script) if asked == folder else script for script in scripts(asked)]
    )


def _add(monkeypatch: pytest.MonkeyPatch, folder: str, added: Script) -> None:
    """Make the runner see one script more in a folder."""
    monkeypatch.setattr(runner, "scripts", lambda asked: [*scripts(asked), *([added] if asked == folder else [])])


def _insert(database: Database, **fields: Any) -> None:
    """Insert an allocation; it brings a fencing token, as one that was claimed."""
    values = {"device_id": "d", "user_id": "u", "fencing_token": 1} | fields
    names = ", ".join(values)
    placeholders = ", ".join(f"%({name})s" for name in values)
    database.call(f"INSERT INTO device_allocations ({names}) VALUES ({placeholders})", values)


def _constraint(database: Database, kind: str) -> Any:
    return database.call(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'device_allocations'::regclass AND contype = %(kind)s",
        {"kind": kind},
    )


def _column(database: Database, query: str, **parameters: Any) -> list[Any]:
    return [next(iter(row.values())) for row in database.rows(query, parameters)]
