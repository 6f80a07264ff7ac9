"""What is in a snapshot is in every environment made of it: connections and random numbers must not be."""

import random
import sys
from types import ModuleType
from typing import Any

import pytest

from scheduler import runtime
from scheduler.runtime import snapshots
from tests.support.wiring import forget_wiring


class Hooks(ModuleType):
    """Lambda's module of that name."""

    def __init__(self) -> None:
        super().__init__("snapshot_restore_py")
        self.before: list[Any] = []
        self.after: list[Any] = []

    def register_before_snapshot(self, hook: Any) -> None:
        self.before.append(hook)

    def register_after_restore(self, hook: Any) -> None:
        self.after.append(hook)


class Open:
    """A connection that knows whether it is open."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Open]:
    """Connections to Postgres and Redis, both open."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nobody")
    monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
    forget_wiring()
    opened = [Open(), Open()]
    runtime.database()._connection = opened[0]  # type: ignore[assignment]
    runtime._redis_link()._client = opened[1]
    return opened


@pytest.fixture(autouse=True)
def _wired_anew() -> Any:
    yield
    forget_wiring()


def test_lambda_is_told_what_to_call_around_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = Hooks()
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", hooks)

    snapshots.survive_snapshots()

    assert (hooks.before, hooks.after) == ([snapshots.before_snapshot], [snapshots.after_restore])


def test_without_snapshots_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)  # importing it fails

    snapshots.survive_snapshots()


@pytest.mark.parametrize("hook", [snapshots.before_snapshot, snapshots.after_restore])
def test_connections_are_closed_on_both_sides_of_a_snapshot(hook: Any, connections: list[Open]) -> None:
    hook()

    assert [connection.closed for connection in connections] == [True, True]
    assert runtime.database()._connection is None
    assert runtime._redis_link()._client is None


def test_nothing_is_opened_to_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "")
    forget_wiring()

    snapshots.before_snapshot()

    assert runtime.database.cache_info().currsize == 0


def test_two_environments_of_one_snapshot_draw_different_numbers() -> None:
    kept = random.getstate()
    drawn = []
    for _ in range(2):
        random.setstate(kept)
        snapshots.after_restore()
        drawn.append(random.random())

    assert drawn[0] != drawn[1]
