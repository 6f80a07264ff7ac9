"""A job that is done again and again beside what a `with` block does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LATE_SECONDS = 60


@contextmanager
def repeating(job: Callable[[], object], pause_seconds: float) -> Iterator[None]:
    """Do a job in a thread, each time after a pause, until the block ends; a job under way may end first."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(pause_seconds):
            job()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LATE_SECONDS)
