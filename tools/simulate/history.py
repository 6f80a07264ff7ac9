"""What a strategy is told: what it may choose from, and how sessions ended, simulated or of a running database."""

from collections.abc import Mapping
from typing import NamedTuple

type Few = Mapping[str, float | None]
"""The best free devices by score, the best first: and the hours until each is reserved; None: it is not."""


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
