"""Functions in a process of their own: settings, connections and imports are kept once a process."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def apart[**P, R](work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Call a function in a fresh process with this one's environment, and give what it gives."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments, **named).result()
