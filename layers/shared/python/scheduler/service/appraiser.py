"""Say what each device is worth by the published model, and whether the model may decide."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import datetime
from random import SystemRandom
from typing import Any

from scheduler.domain.lessons import appraised, because_of, learning_of
from scheduler.domain.placement import terms_of
from scheduler.domain.placement_document import ModelError, read_model
from scheduler.domain.placement_model import PlacementModel
from scheduler.ports import Meter
from scheduler.ports.placement import Appraisals, StrategyStore

BATCH = 500
"""Devices that are appraised together."""

logger = logging.getLogger(__name__)


class Appraiser:
    """Works where the learned strategy is chosen or tried, also while it is given up: its way back is the same."""

    def __init__(self, store: StrategyStore, appraisals: Appraisals, meter: Meter) -> None:
        """Take where the strategy is kept, and where devices wait to be appraised."""
        self._store = store
        self._appraisals = appraisals
        self._meter = meter

    def heed(self) -> None:
        """Follow the model, or give it up for resource_based while it is missing, stale or wrong."""
        before = self._store.in_force()
        if not before.needs_model:
            return
        facts = self._appraisals.learning()
        because = because_of(None if facts is None else learning_of(facts))
        model = None if facts is None else _readable(facts)
        self._store.follow_model(because, None if model is None else terms_of(model))
        self._meter.count("PlacementFallback", 0 if because is None else 1)
        if because != before.because:
            _tell(because, None if facts is None else facts["name"])

    def appraise(self, seconds: float) -> int:
        """Go on with the round, once round at most, for some seconds at most; tell how many devices were appraised."""
        if not self._store.in_force().needs_model:
            return 0
        stop_at = time.monotonic() + seconds
        devices, chance = 0, SystemRandom()
        while time.monotonic() < stop_at:  # ends: the round and the time do
            batch = self._appraisals.next_appraisals(BATCH)
            model = None if batch is None else _readable(batch)
            if batch is None or model is None:
                break
            kept = appraised(model, batch, chance)
            last = kept[-1]["device_id"] if len(kept) == BATCH else ""
            if not self._appraisals.keep_appraisals(batch["after"], last, kept):
                break  # another run is at it
            devices += len(kept)
            if not last:
                break
        return devices


def _tell(because: str | None, model: str | None) -> None:
    if because is None:
        logger.info("placement model followed", extra={"model": model})
    else:
        logger.warning("placement model given up", extra={"because": because, "model": model})


def _readable(facts: Mapping[str, Any]) -> PlacementModel | None:
    try:
        return read_model(json.dumps(facts["document"]), datetime.fromisoformat(facts["now"]))
    except ModelError:
        return None
