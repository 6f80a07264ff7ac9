"""Health: what brings the scheduler down, what only degrades it, and what is told without either."""

from collections.abc import Mapping

import pytest

from scheduler.domain.errors import Unavailable
from scheduler.domain.events import Backlog
from scheduler.service.health import Health, HealthCheck


class Part:
    """A dependency that answers, or does not."""

    def __init__(self, name: str, *, vital: bool, up: bool) -> None:
        self.name = name
        self.vital = vital
        self._up = up

    def answers(self) -> bool:
        return self._up


class Outbox:
    """One event that waits, unless Postgres went away between two questions."""

    def __init__(self, *, gone: bool = False) -> None:
        self._gone = gone

    def backlog(self) -> Backlog:
        if self._gone:
            raise Unavailable
        return Backlog(1, 30.0)


class Circuits:
    """One that is open."""

    def states(self) -> Mapping[str, str]:
        return {"user-service": "open"}


def look(*, postgres: bool = True, redis: bool = True, gone: bool = False) -> Health:
    parts = [Part("postgres", vital=True, up=postgres), Part("redis", vital=False, up=redis)]
    return HealthCheck(parts, Outbox(gone=gone), Circuits()).look()


@pytest.mark.parametrize(
    ("postgres", "redis", "status"),
    [(True, True, "ok"), (True, False, "degraded"), (False, True, "down"), (False, False, "down")],
)
def test_only_a_vital_part_brings_it_down(postgres: bool, redis: bool, status: str) -> None:
    found = look(postgres=postgres, redis=redis)

    assert found.status == status
    assert found.parts == {"postgres": "up" if postgres else "down", "redis": "up" if redis else "down"}


def test_waiting_events_and_open_circuits_are_told_and_change_nothing() -> None:
    found = look()

    assert (found.status, found.outbox, found.circuits) == ("ok", Backlog(1, 30.0), {"user-service": "open"})


def test_without_postgres_nobody_asks_it_again() -> None:
    assert look(postgres=False).outbox is None


def test_a_postgres_that_goes_meanwhile_takes_only_the_backlog() -> None:
    found = look(gone=True)

    assert (found.status, found.outbox) == ("ok", None)
