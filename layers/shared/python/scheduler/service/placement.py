"""Choose which free device is lent first, and have the fleet's scores follow."""

import time
from collections.abc import Mapping
from typing import Any

from scheduler.domain.model import Strategy, StrategyInForce
from scheduler.ports.placement import StrategyStore

BATCH = 500
"""Devices whose rows are locked together: a claim that wants one of them waits for a few milliseconds."""
AT_ONCE_SECONDS = 5.0
"""How long a choice rescores before it is answered; what is left then, the schedule does."""


class Placement:
    """The choice counts from its commit; until all scores follow, a choice of a device is not the best, never wrong."""

    def __init__(self, store: StrategyStore) -> None:
        """Take where the strategy is kept."""
        self._store = store

    def in_force(self) -> StrategyInForce:
        """Tell the strategy, who chose it, and how far scores follow."""
        return self._store.in_force()

    def choose(self, strategy: Strategy, *, by: str | None, seconds: float | None = None) -> StrategyInForce:
        """Switch, and rescore for some seconds; chosen again, what is in force stays. `by` None: the deployment."""
        self._store.choose(strategy, by)
        self._rescore(AT_ONCE_SECONDS if seconds is None else seconds)
        return self._store.in_force()

    def follow(self, seconds: float) -> Mapping[str, Any]:
        """Rescore what is left, for some seconds at most; give the figures of the run."""
        self._rescore(seconds)
        now = self._store.in_force()
        return {"strategy": now.name, "rescored": now.rescoring.rescored, "done": now.rescoring.is_done}

    def _rescore(self, seconds: float) -> None:
        stop_at = time.monotonic() + seconds
        while not self._store.rescore(BATCH):  # ends: each batch begins after the last id of the one before
            if time.monotonic() > stop_at:
                return
