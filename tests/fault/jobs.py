"""What fires during a run as EventBridge and the event source mapping do: sweeps, the relay, deliveries, time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.fault.stage import RELAY_SECONDS, Scene

SWEEP_SECONDS = 55.0
RELAY_TIMEOUT_SECONDS = RELAY_SECONDS + 27.0
DELIVER_SECONDS = 60.0
_TICK_SECONDS = 0.25


@contextmanager
def running_jobs(scene: Scene) -> Iterator[None]:
    """Run them until the end of the `with` block; they end with their last round."""
    setting = scene.setting
    loops: list[tuple[Callable[[], Any], float]] = [(lambda: sweep(scene), setting.expire_every_seconds)]
    loops += [(lambda: relay(scene), 0.05)] * setting.relays
    threads = [threading.Thread(target=_repeat, args=(scene, *loop), daemon=True) for loop in loops]
    if setting.minutes_a_second:
        threads.append(threading.Thread(target=_pass_time, args=(scene,), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        scene.closing.set()
        for thread in threads:
            thread.join(RELAY_TIMEOUT_SECONDS)


def sweep(scene: Scene) -> Any:
    """Invoke the expiry sweep as its schedule does."""
    return scene.jobs.invoke("expire", _scheduled(), SWEEP_SECONDS)


def relay(scene: Scene) -> Any:
    """Invoke the relay as its schedule does."""
    return scene.jobs.invoke("relay", _scheduled(), RELAY_TIMEOUT_SECONDS)


def clean(scene: Scene) -> Any:
    """Invoke the daily cleanup as its schedule does."""
    return scene.jobs.invoke("cleanup", _scheduled(), SWEEP_SECONDS)


def deliver(scene: Scene, event: dict[str, Any]) -> dict[str, Any] | None:
    """Invoke the deliver function with a batch; None when it died or failed as a whole."""
    reply = scene.jobs.invoke("deliver", event, DELIVER_SECONDS)
    return None if reply is None else reply.answer


def _repeat(scene: Scene, job: Callable[[], Any], pause_seconds: float) -> None:
    while not scene.closing.wait(pause_seconds):
        job()


def _pass_time(scene: Scene) -> None:
    database = scene.own_database()
    shift = f"UPDATE clock_offset SET shift = shift + interval '{_TICK_SECONDS * scene.setting.minutes_a_second} min'"
    while not scene.closing.wait(_TICK_SECONDS):
        try:
            database.call(shift, {})
        except Exception:
            continue
    database.close()


def _scheduled() -> dict[str, Any]:
    return {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
