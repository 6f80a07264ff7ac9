"""Ask each dependency whether it answers."""

from typing import Protocol


class _Answering(Protocol):
    def answers(self) -> bool: ...


class PostgresProbe:
    """The one part that nothing works without."""

    name = "postgres"
    vital = True

    def __init__(self, database: _Answering) -> None:
        """Ask over one connection."""
        self._database = database

    def answers(self) -> bool:
        """Run the smallest query."""
        return self._database.answers()


class RedisProbe:
    """Speed and politeness; never needed for a right answer."""

    name = "redis"
    vital = False

    def __init__(self, link: _Answering) -> None:
        """Ask over one link."""
        self._link = link

    def answers(self) -> bool:
        """Ping it."""
        return self._link.answers()


class NeighbourProbe:
    """A service that the scheduler works with."""

    vital = False

    def __init__(self, name: str, url: str) -> None:
        """Ask at its base URL; `name` is how health tells of it."""
        self.name = name
        self._url = url

    def answers(self) -> bool:
        """Any answer that is not a server error counts: only the neighbour knows its own health route."""
        import requests

        try:
            answer = requests.get(self._url, timeout=1, allow_redirects=False, stream=True)
        except requests.RequestException:
            return False
        with answer:
            return answer.status_code < 500
