"""A hundred lives under kills and redeliveries; `make lifecycles` lives ten thousand."""

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.migrate import scripts
from tests.lifecycles.run import run
from tools.embedded import PostgresServer

pytestmark = pytest.mark.xdist_group("lifecycles")


def test_bills_credits_and_notices_are_exact_whatever_is_killed_or_comes_again(postgres_server: PostgresServer) -> None:
    outcome = run(postgres_server, lives=100, seed=7)

    assert outcome.findings == {}
    assert outcome.kills > 0
    assert outcome.redelivered > 0
    assert outcome.credits > 0
    assert outcome.records > outcome.ended == 100


def test_a_credit_of_a_second_too_many_is_found(postgres_server: PostgresServer) -> None:
    outcome = run(postgres_server, lives=40, seed=7, prepare=generous_credits)

    assert "credits" in outcome.findings


def generous_credits(database: Database) -> None:
    (routine,) = [script.text for script in scripts("routines") if script.name == "close_segment"]
    right = "floor(extract(epoch FROM p_at - since))"
    assert right in routine
    database.call(routine.replace(right, f"{right} + 1").replace("%", "%%"), {})
