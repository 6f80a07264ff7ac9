"""The use case that applies users' standing, as production puts it together."""

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.standing import PostgresStanding
from scheduler.ports import Gate
from scheduler.service.standing import Standing
from tests.support.fake_meter import FakeMeter


def standing_on(database: Database, gate: Gate | None = None) -> Standing:
    """Give the production use case on one connection, with built-in quotas."""
    store = PostgresStanding(database, keeps_quotas=True)
    return Standing(store, gate or OpenGate(), NoCache(), FakeMeter())
