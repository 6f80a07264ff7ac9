"""Work that another thread does, so that this one can give up on it: name lookups know no time limit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

THREAD_NAME = "exchange"


def in_background[T](work: Callable[[], T]) -> Future[T]:
    """Start it. The process may end without waiting for it: the thread is a daemon, unlike those of a pool."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    return answer
