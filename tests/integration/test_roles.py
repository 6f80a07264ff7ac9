"""Roles and routines of the second wall: none is forgotten, and no superuser is needed to build it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.definers import DEFINERS
from scheduler.adapters.postgres.migrate import migrate, scripts
from tests.support.tenant_rows import OF_AN_OWNER, OPERATORS_ONLY, ROWS
from tools.embedded import PostgresServer, as_role, postgres


class TestNothingIsForgotten:
    """What is added later needs the wall too."""

    def test_every_table_with_rows_of_tenants_has_it(self, database: Database) -> None:
        rows = database.rows(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS walled,"
            " ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid) AS policies"
            " FROM pg_class c WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND (relname = ANY (%(more)s) OR EXISTS (SELECT FROM pg_attribute"
            " WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped))",
            {"more": list(OF_AN_OWNER)},
        )

        assert {row["relname"] for row in rows} == set(ROWS) | OPERATORS_ONLY, (
            "add a row of it to tests/support/tenant_rows.py"
        )
        assert [row["relname"] for row in rows if not row["walled"]] == [], "its migration calls raise_wall"
        for row in rows:
            assert {"app", "worker", "engine", "readonly", "migrating"} <= set(row["policies"]), row["relname"]

    def test_a_routine_that_passes_the_wall_is_listed_and_runs_as_the_engine(self, database: Database) -> None:
        rows = database.rows(
            "SELECT proname, proconfig, pg_get_userbyid(proowner) AS owner, EXISTS (SELECT FROM aclexplode("
            "coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0) AS is_public"
            " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef",
            {},
        )

        assert {row["proname"] for row in rows} == set(DEFINERS)
        assert {row["owner"] for row in rows} == {"scheduler_engine"}
        assert not any(row["is_public"] for row in rows)
        assert all("search_path=public, pg_temp" in row["proconfig"] for row in rows)
        assert all(len(reason) > 20 for reason in DEFINERS.values())

    def test_a_routine_that_is_replaced_keeps_its_owner_and_its_grants(
        self, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database.call("UPDATE schema_routines SET checksum = ''", {})

        assert len(migrate(database_url).routines) == len(scripts("routines"))
        self.test_a_routine_that_passes_the_wall_is_listed_and_runs_as_the_engine(database)


class TestWithoutASuperuser:
    """Managed databases give none."""

    @pytest.fixture
    def server(self) -> Iterator[PostgresServer]:
        """A cluster of its own, in which nobody has made the roles yet."""
        with postgres() as server:
            yield server

    def test_the_owner_of_a_database_migrates_it_and_others_at_the_same_time(self, server: PostgresServer) -> None:
        owner = "landlord"
        server.let_in(owner)
        with closing(psycopg2.connect(server.url)) as session:
            session.autocommit = True
            session.cursor().execute(f"ALTER ROLE {owner} CREATEROLE")
        urls = []
        for name in ("first", "second", "third"):
            url = server.create_database(name)
            with closing(psycopg2.connect(server.url)) as session:
                session.autocommit = True
                session.cursor().execute(f"ALTER DATABASE {name} OWNER TO {owner}")
            urls.append(as_role(url, owner))

        with ThreadPoolExecutor(len(urls)) as pool:
            done = list(pool.map(migrate, urls))

        assert all(run.applied for run in done)
        again = Database(lambda: urls[0])
        with closing(again):
            again.call("UPDATE schema_routines SET checksum = ''", {})
            assert migrate(urls[0]).routines
            assert (
                again.call(
                    "SELECT count(*) FROM pg_proc WHERE prosecdef AND proowner <> to_regrole('scheduler_engine')", {}
                )
                == 0
            )
            # What the release before this one does, which connects as the owner.
            again.call(ROWS["quota_usage"], {"tenant": "acme"})
            assert again.call("SELECT count(*) FROM quota_usage", {}) == 1
