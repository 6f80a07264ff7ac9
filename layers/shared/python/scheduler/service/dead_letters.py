"""Look at parked messages, and send them back once the cause is gone."""

import logging
from collections.abc import Mapping
from dataclasses import asdict

from scheduler.domain.errors import DeadLettersNotFound
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import accepted
from scheduler.ports import KeyStore
from scheduler.ports.dead_letters import DeadLetters, RedriveBook, Redriven

logger = logging.getLogger(__name__)


class Redrive:
    """Consumers apply each message once, so that what had taken effect before changes nothing."""

    def __init__(self, letters: DeadLetters, book: RedriveBook, keys: KeyStore) -> None:
        """Take where they lie, where it is written down who sends them back, and where answers to keys are kept."""
        self._letters = letters
        self._book = book
        self._keys = keys

    def waiting(self) -> Mapping[str, int]:
        """Tell about how many messages lie in each queue's dead letters."""
        return self._letters.waiting()

    def redrive(self, name: str, limit: int, key: RequestKey | None) -> Redriven:
        """Send up to `limit` back to the queue of this name; a repeated request is told what the first one did.

        Raises:
            DeadLettersNotFound: There is no such queue.
            IdempotencyKeyReused: The key came with another body.
            Unavailable: A queue does not answer; what has been moved has been.
        """
        if key is None:
            return self._redrive(name, limit)
        facts = self._keys.kept(key) or self._keys.keep(
            key, {"outcome": "redriven"} | asdict(self._redrive(name, limit))
        )
        told = accepted(facts)
        return Redriven(told["moved"], told["left"])

    def _redrive(self, name: str, limit: int) -> Redriven:
        if not self._letters.known(name):
            raise DeadLettersNotFound
        self._book.begin(name, limit)
        done = self._letters.redrive(name, limit)
        logger.info("redriven", extra={"queue": name, "moved": done.moved, "left": done.left})
        return done
