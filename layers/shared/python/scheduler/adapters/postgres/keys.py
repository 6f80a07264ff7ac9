"""idempotency_keys: what a keyed request was answered with."""

from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts


def key_row(key: RequestKey | None) -> tuple[Any, ...] | None:
    """Give the request_key argument of a routine."""
    return None if key is None else (key.tenant_id, key.caller, key.route, key.key, key.body_hash)


class PostgresKeys:
    """For requests whose work is many small transactions: looked up before, kept after; the first answer wins."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def kept(self, key: RequestKey) -> Facts | None:
        """Give the answer kept under the key, if any."""
        facts: Facts | None = self._database.call("SELECT kept_answer(%(key)s::request_key)", {"key": key_row(key)})
        return facts

    def keep(self, key: RequestKey, facts: Facts) -> Facts:
        """Keep an answer, unless one is kept already; give the one that is."""
        kept: Facts = self._database.call(
            "SELECT keep_answer(%(key)s::request_key, %(facts)s)", {"key": key_row(key), "facts": Json(dict(facts))}
        )
        return kept
