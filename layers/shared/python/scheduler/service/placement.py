"""Choose which free device is lent first, and have the fleet's scores follow."""

import time
from collections.abc import Mapping
from typing import Any

from scheduler.domain.model import Strategy, StrategyInForce
from scheduler.ports.placement import StrategyStore
from scheduler.service.appraiser import Appraiser

BATCH = 500
"""Devices whose rows are locked together: a claim that wants one of them waits for a few milliseconds."""
AT_ONCE_SECONDS = 5.0
"""How long a choice rescores before it is answered; what is left then, the schedule does."""

APPRAISE_AT_ONCE_SECONDS = 2.0
"""Before that, where the learned strategy is chosen."""


class Placement:
    """The choice counts from its commit; until all scores follow, a choice of a device is not the best, never wrong."""

    def __init__(self, store: StrategyStore, appraiser: Appraiser | None = None) -> None:
        """Take where the strategy is kept, and who looks after the learned one; without, it is not followed yet."""
        self._store = store
        self._appraiser = appraiser

    def in_force(self) -> StrategyInForce:
        """Tell the strategy, who chose it, and how far scores follow."""
        return self._store.in_force()

    def choose(
        self, strategy: Strategy, *, by: str | None, trial_share: float | None = None, seconds: float | None = None
    ) -> StrategyInForce:
        """Switch, and rescore for some seconds; chosen again, what is in force stays. `by` None: the deployment.

        `trial_share`: of the requests, on which the learned strategy is tried beside it; None: it is not.
        """
        self._store.choose(strategy, by, trial_share)
        if self._appraiser and (strategy is Strategy.SMART or trial_share is not None):
            self._appraiser.appraise(APPRAISE_AT_ONCE_SECONDS)
            self._appraiser.heed()
        self._rescore(AT_ONCE_SECONDS if seconds is None else seconds)
        return self._store.in_force()

    def follow(self, seconds: float) -> Mapping[str, Any]:
        """Rescore what is left, for some seconds at most; give the figures of the run."""
        if self._appraiser:
            self._appraiser.heed()
        self._rescore(seconds)
        now = self._store.in_force()
        return {"strategy": now.effective, "rescored": now.rescoring.rescored, "done": now.rescoring.is_done}

    def _rescore(self, seconds: float) -> None:
        stop_at = time.monotonic() + seconds
        while not self._store.rescore(BATCH):  # ends: each batch begins after the last id of the one before
            if time.monotonic() > stop_at:
                return
