"""What an ended session leaves for learning: the same of a simulated run as of a running database."""

from typing import NamedTuple


class Ended(NamedTuple):
    """An ended session. `at`: when, in seconds; `load`: of the host at the grant, 0 to 1. None: unknown."""

    at: float
    device: str
    host: str
    kind: str | None
    tenant: str
    user: str
    minutes: int
    hours: float
    failed: bool
    load: float | None
    start_seconds: float | None
