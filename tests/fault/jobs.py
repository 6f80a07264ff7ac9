"""What fires during a run as EventBridge and the event source mapping do: sweeps, the relay, deliveries, time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from scheduler.domain.errors import Unavailable
from tests.fault.stage import RELAY_SECONDS, Scene

SWEEP_SECONDS = 55.0
DISPATCH_EVERY_SECONDS = 0.1
RELAY_TIMEOUT_SECONDS = RELAY_SECONDS + 27.0
DELIVER_SECONDS = 60.0
_TICK_SECONDS = 0.25


@contextmanager
def sweeping(scene: Scene) -> Iterator[None]:
    """Let sweeps and dispatch fire and time pass during the `with` block; after it nothing happens by itself."""
    setting = scene.setting
    with (
        _repeating(lambda: sweep(scene), setting.expire_every_seconds, 1),
        _repeating(lambda: dispatch(scene), DISPATCH_EVERY_SECONDS, setting.dispatches),
        _passing_time(scene),
    ):
        yield


@contextmanager
def relaying(scene: Scene) -> Iterator[None]:
    """Let the relay run during the `with` block, its last round to the end."""
    with _repeating(lambda: relay(scene), 0.05, scene.setting.relays):
        yield


def sweep(scene: Scene) -> Any:
    """Invoke the expiry sweep as its schedule does."""
    return scene.jobs.invoke("expire", _scheduled(), SWEEP_SECONDS)


def relay(scene: Scene) -> Any:
    """Invoke the relay as its schedule does."""
    return scene.jobs.invoke("relay", _scheduled(), RELAY_TIMEOUT_SECONDS)


def dispatch(scene: Scene) -> Any:
    """Invoke dispatch as its schedule does."""
    return scene.jobs.invoke("dispatch", _scheduled(), SWEEP_SECONDS)


def clean(scene: Scene) -> Any:
    """Invoke the daily cleanup as its schedule does."""
    return scene.jobs.invoke("cleanup", _scheduled(), SWEEP_SECONDS)


def deliver(scene: Scene, event: dict[str, Any]) -> dict[str, Any] | None:
    """Invoke the deliver function with a batch; None when it died or failed as a whole."""
    reply = scene.jobs.invoke("deliver", event, DELIVER_SECONDS)
    return None if reply is None else reply.answer


@contextmanager
def _repeating(job: Callable[[], Any], pause_seconds: float, copies: int) -> Iterator[None]:
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(pause_seconds):
            job()

    threads = [threading.Thread(target=repeat, daemon=True) for _ in range(copies)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(SWEEP_SECONDS)


@contextmanager
def _passing_time(scene: Scene) -> Iterator[None]:
    if not scene.setting.minutes_a_second:
        yield
        return
    database = scene.own_database()
    shift = f"UPDATE clock_offset SET shift = shift + interval '{_TICK_SECONDS * scene.setting.minutes_a_second} min'"

    def tick() -> None:
        with suppress(Unavailable):  # the database is away: time stands still
            database.call(shift, {})

    with _repeating(tick, _TICK_SECONDS, 1):
        yield
    database.close()


def _scheduled() -> dict[str, Any]:
    return {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
