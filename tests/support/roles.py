"""Lets the functions of one process connect as Lambda's would: each as the role that the template gives it."""

from collections.abc import Callable
from functools import cache
from typing import Any

from scheduler.adapters.postgres.connection import Database, Parameters, Row
from scheduler.adapters.postgres.logins import LOGIN_ROLES
from tools.embedded import PostgresServer, as_role
from tools.handlers import running
from tools.region import template

APP, WORKER, RELAY, READONLY = "scheduler_app", "scheduler_worker", "scheduler_relay", "scheduler_readonly"


def let_roles_in(server: PostgresServer) -> None:
    """Give the roles of a cluster their logins, as who deploys does; before or after the first migration."""
    server.let_in(*LOGIN_ROLES)


@cache
def role_of(function: str) -> str:
    """The role of a function by the template; empty: the role that migrates. What runs outside any works for nobody."""
    return template.database_roles(template.load())[function] if function else WORKER


class ByRole(Database):
    """Takes the place of an environment's one connection where the functions share a process: one for each role."""

    def __init__(self, dsn: Callable[[], str], forget_credentials: Callable[[], None] = lambda: None) -> None:
        """Take the URL of the superuser; any other is used as it is."""
        self._dsn = dsn
        self._forget = forget_credentials
        self.by_role: dict[str, Database] = {}

    @property
    def _mine(self) -> Database:
        role = role_of(running.get())
        if role not in self.by_role:
            self.by_role[role] = Database(lambda: as_role(self._dsn(), role) if role else self._dsn(), self._forget)
        return self.by_role[role]

    @property
    def round_trips(self) -> int:  # type: ignore[override]
        """Round trips of all."""
        return sum(database.round_trips for database in self.by_role.values())

    def call(self, statement: str, parameters: Parameters) -> Any:
        """As the role of the function that runs."""
        return self._mine.call(statement, parameters)

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """As the role of the function that runs."""
        return self._mine.rows(statement, parameters)

    def close(self) -> None:
        """Hang up all."""
        for database in self.by_role.values():
            database.close()
