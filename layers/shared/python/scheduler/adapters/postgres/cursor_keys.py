"""cursor_keys: what signs the cursors of lists. The newest signs; the one before is believed until it is retired."""

import time
from collections.abc import Mapping

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.errors import Unavailable

KEPT_SECONDS = 300.0
"""How long keys are believed without another look, and so how long a retired one may still be."""


class PostgresCursorKeys:
    """The keys as they were when they were last looked at; one that is not among them is looked for once more."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database
        self._known: Mapping[int, bytes] = {}
        self._fresh_until = 0.0

    def current(self) -> tuple[int, bytes]:
        """Give number and secret of the newest key.

        Raises:
            Unavailable: There is none, or the database does not answer.
        """
        known = self._keys()
        if not known:
            raise Unavailable
        newest = max(known)
        return newest, known[newest]

    def find(self, number: int) -> bytes | None:
        """Give the secret of a key; None: there is none of this number.

        Raises:
            Unavailable: The database does not answer.
        """
        return self._keys().get(number) or self._look().get(number)

    def rotate(self) -> int:
        """Begin a new key, keep the one before, drop those before that; give the new one's number."""
        (made,) = self._database.rows(
            "INSERT INTO cursor_keys (secret)"
            " VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) RETURNING id",
            {},
        )
        self._database.call(
            "DELETE FROM cursor_keys WHERE id < (SELECT max(id) FROM cursor_keys WHERE id < %(newest)s)",
            {"newest": made["id"]},
        )
        number: int = made["id"]
        return number

    def retire(self) -> None:
        """Drop all keys but the newest."""
        self._database.call("DELETE FROM cursor_keys WHERE id < (SELECT max(id) FROM cursor_keys)", {})

    def _keys(self) -> Mapping[int, bytes]:
        return self._known if time.monotonic() < self._fresh_until else self._look()

    def _look(self) -> Mapping[int, bytes]:
        rows = self._database.rows("SELECT id, secret FROM cursor_keys", {})
        self._known = {row["id"]: bytes(row["secret"]) for row in rows}
        self._fresh_until = time.monotonic() + KEPT_SECONDS
        return self._known
