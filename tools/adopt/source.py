"""The other system's database, which is only read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import psycopg2
from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from tools.adopt import devices, rows

INSTANTS = ("allocated_at", "released_at", "expires_at", "created_at", "updated_at")
PAGE = 1000
CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_MS = 600_000

type Row = dict[str, Any]


class SourceError(Exception):
    """The other database cannot be read; the text says why."""


class Source:
    """Tables there. Times without a zone are read as UTC."""

    def __init__(self, url: str, renamed: Mapping[str, str]) -> None:
        """Connect. `renamed`: the other system's name of a column, by ours.

        Raises:
            SourceError: There is no such database, or it does not answer.
        """
        self._renamed = renamed
        try:
            self._connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS)
        except psycopg2.Error as error:
            raise SourceError(f"the source does not answer ({type(error).__name__})") from None
        self._connection.set_session(readonly=True, autocommit=True)
        self._run(
            "SELECT set_config('TimeZone', 'UTC', false), set_config('statement_timeout', %(most)s, false)",
            {"most": str(STATEMENT_TIMEOUT_MS)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def count(self, table: str, *, ended_only: bool = False) -> int:
        """Tell how many rows there are."""
        rest = sql.SQL(" WHERE {} <> 'allocated'").format(self._column("status")) if ended_only else sql.SQL("")
        return int(self._run(sql.SQL("SELECT count(*) AS n FROM {}").format(_table(table)) + rest, {})[0]["n"])

    def allocations(self, table: str) -> Iterator[list[Row]]:
        """Give all rows by column, in pages, in the order of id.

        Raises:
            SourceError: There is no such table, a column is missing, or, later, reading broke off.
        """
        return self._pages(table, rows.REQUIRED, rows.OPTIONAL)

    def devices(self, table: str) -> Iterator[list[Row]]:
        """Give all devices by column, in the same way."""
        optional = [column for column in devices.FIELDS if column not in devices.REQUIRED]
        return self._pages(table, devices.REQUIRED, optional)

    def _pages(self, table: str, required: Sequence[str], optional: Sequence[str]) -> Iterator[list[Row]]:
        there = self._columns_of(table)
        missing = [self._name(column) for column in required if self._name(column) not in there]
        if missing:
            raise SourceError(f"{table} has no column {', '.join(missing)}; --column OURS=THEIRS names it")
        wanted = [self._selected(column, there) for column in (*required, *optional)]
        page = sql.SQL("SELECT {} FROM {} WHERE {after} IS NULL OR {id} > {after} ORDER BY {id} LIMIT {page}").format(
            sql.SQL(", ").join(wanted),
            _table(table),
            id=self._column("id"),
            after=sql.Placeholder("after"),
            page=sql.Literal(PAGE),
        )
        return self._from_the_first(page)

    def _from_the_first(self, page: sql.Composable) -> Iterator[list[Row]]:
        found = self._run(page, {"after": None})
        while found:  # ends: each page starts after the last id of the one before
            yield found
            found = self._run(page, {"after": found[-1]["id"]})

    def _columns_of(self, table: str) -> set[str]:
        known = self._run(
            "SELECT attname::text AS name FROM pg_attribute"
            " WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped",
            {"table": table},
        )
        if not known:
            raise SourceError(f"there is no table {table}, or it may not be read")
        return {row["name"] for row in known}

    def _selected(self, column: str, there: set[str]) -> sql.Composable:
        if self._name(column) not in there:
            return sql.SQL("NULL AS {}").format(sql.Identifier(column))
        cast = "::timestamptz" if column in INSTANTS else ""
        return sql.SQL("{}" + cast + " AS {}").format(self._column(column), sql.Identifier(column))

    def _name(self, column: str) -> str:
        return self._renamed.get(column, column)

    def _column(self, column: str) -> sql.Identifier:
        return sql.Identifier(self._name(column))

    def _run(self, statement: sql.Composable | str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            with self._connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, parameters)
                return [dict(row) for row in cursor.fetchall()]
        except psycopg2.Error as error:
            raise SourceError(f"reading the source failed ({type(error).__name__} {error.pgcode or ''})") from None


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))
