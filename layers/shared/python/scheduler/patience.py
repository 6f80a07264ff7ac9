"""How long one request waits for Postgres, over all its statements: each that waits leaves less to those after it."""

from contextvars import ContextVar
from dataclasses import dataclass

from scheduler.scoped import Scoped


@dataclass(slots=True)
class _Waited:
    seconds: float = 0.0


_waited: ContextVar[_Waited | None] = ContextVar("waited", default=None)


def one_patience() -> Scoped[_Waited | None]:
    """Count together what is waited for within; outside of it each statement is on its own."""
    return Scoped(_waited, _Waited())


def waited_seconds() -> float:
    """Give how long this request has waited."""
    known = _waited.get()
    return known.seconds if known else 0.0


def add_wait(seconds: float) -> None:
    """Count a wait."""
    known = _waited.get()
    if known:
        known.seconds += seconds
