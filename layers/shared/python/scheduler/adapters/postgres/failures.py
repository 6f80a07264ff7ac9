"""What a failed attempt proves, so that a statement is sent again only where it cannot have had an effect.

libpq keeps no SQLSTATE of an error that ends or refuses a connection, so those are told apart by their text. A server
that speaks another language than English only costs retries: what is not recognized is not tried again.
"""

import psycopg2
from psycopg2 import errors

_ROLLED_BACK = (errors.DeadlockDetected, errors.LockNotAvailable, errors.SerializationFailure)
_TERMINATED = "terminating connection due to administrator command"
_PASSING = (
    "Connection refused",
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is not yet accepting connections",
    "the database system is in recovery mode",
)
_CREDENTIALS = ("authentication failed", "no password supplied")


def proves_no_effect(error: psycopg2.Error) -> bool:
    """Tell whether the statement that met this error was certainly rolled back.

    A terminated session alone proves nothing: where durations are logged, Postgres may say so after the commit, and
    psycopg2 drops the result that came before. Only words about where in the statement it was (CONTEXT) show that it
    was still at work. See decision 0010.
    """
    if isinstance(error, _ROLLED_BACK):
        return True
    first, *further = str(error).splitlines() or [""]
    return first.startswith("FATAL:") and _TERMINATED in first and any(line.startswith("CONTEXT:") for line in further)


def passes_soon(error: psycopg2.Error) -> bool:
    """Tell whether a connection was refused for a reason that may be over in a moment; a full server is not one."""
    return any(sign in str(error) for sign in _PASSING)


def refuses_credentials(error: psycopg2.Error) -> bool:
    """Tell whether a connection was refused because of user or password."""
    return any(sign in str(error) for sign in _CREDENTIALS)
