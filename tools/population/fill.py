"""The steps in which a population comes in."""

from datetime import UTC, datetime, timedelta

from psycopg2.extensions import cursor as Cursor  # noqa: N812  its own name, as a type

from tools.population import statements
from tools.population.bulk import bulk, session
from tools.population.size import HISTORY_DAYS, Size, Tell, silent

TABLES = ("devices", "device_heartbeats", "device_allocations", "usage_records", "reservations")
_YOUNGEST = timedelta(hours=3)
"""How long ago the last hold of the history began."""


def populate(url: str, size: Size, tell: Tell = silent) -> None:
    """Fill a migrated, empty database, as its superuser.

    Its rows break no invariant. Events are taken as cleaned up: none are there, and the audit asks for none before now.
    """
    with session(url) as cursor:
        cursor.execute(statements.CLASSES, {})
        with bulk(cursor, TABLES, tell):
            _insert(cursor, size, tell)
            _occupy(cursor, size, tell)
        tell("vacuum")


def occupy(url: str, size: Size, tell: Tell = silent) -> None:
    """Lend more devices, until `size.occupied` of all are lent, and tidy up."""
    with session(url) as cursor:
        _occupy(cursor, size, tell)
        tell("vacuum")


def _insert(cursor: Cursor, size: Size, tell: Tell) -> None:
    at = datetime.now(UTC)
    parameters = {
        "devices": size.devices,
        "ended": size.ended,
        "reservations": size.reservations,
        "users": size.users,
        "at": at,
        "since": at - timedelta(days=HISTORY_DAYS) - _YOUNGEST,
    }
    steps = {
        f"{size.devices:,} devices": (statements.DEVICES, True),
        "heartbeats": (statements.HEARTBEATS, True),
        f"{size.ended:,} ended allocations": (statements.HISTORY, size.ended > 0),
        f"{size.ended:,} bills": (statements.BILLS, size.ended > 0),
        f"{size.users:,} users": (statements.USERS, True),
        "counters": (statements.COUNTERS, True),
        f"{size.reservations:,} reservations": (statements.RESERVATIONS, size.reservations > 0),
        "what is reserved next": (statements.RESERVED, size.reservations > 0),
    }
    for name, (statement, wanted) in steps.items():
        if wanted:
            tell(name)
            cursor.execute(statement, parameters)


def _occupy(cursor: Cursor, size: Size, tell: Tell) -> None:
    tell(f"{size.occupied:.0%} lent")
    cursor.execute(statements.OCCUPY, {"occupied": size.occupied, "users": size.users, "at": datetime.now(UTC)})
    cursor.execute(statements.MARKS, {})
