"""Idempotency keys in memory: what each was answered with, for 24 hours."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts

KEPT = timedelta(hours=24)
type Name = tuple[str, str, str, str]


@dataclass
class Answer:
    """What was answered to which body, and when the key was first used."""

    body_hash: str
    facts: Facts
    created_at: datetime


class MemoryKeys:
    """One request at a time, so none is ever still running."""

    def __init__(self) -> None:
        """Know no key."""
        self._answers: dict[Name, Answer] = {}

    def kept(self, key: RequestKey | None, now: datetime) -> Facts | None:
        """Give what the key was answered with; None: it is new, too old, or there is none."""
        answer = self._answers.get(_name(key)) if key else None
        if answer is None or key is None or answer.created_at <= now - KEPT:
            return None
        return answer.facts if answer.body_hash == key.body_hash else {"outcome": "key_reused"}

    def keep(self, key: RequestKey | None, now: datetime, facts: Facts) -> Facts:
        """Keep an answer under a key, if there is one."""
        if key:
            self._answers[_name(key)] = Answer(key.body_hash, facts, now)
        return facts

    def forget(self, key: RequestKey | None, facts: Facts) -> Facts:
        """Let a retryable refusal be asked again under the same key."""
        if key:
            self._answers.pop(_name(key), None)
        return facts

    def delete_old(self, now: datetime) -> int:
        """Delete what is older than 24 hours; tell how many."""
        old = [name for name, answer in self._answers.items() if answer.created_at < now - KEPT]
        for name in old:
            del self._answers[name]
        return len(old)


class KeptAnswers:
    """The keys of a store as the port has them."""

    def __init__(self, keys: MemoryKeys, now: Callable[[], datetime]) -> None:
        """Take the keys, and what time it is."""
        self._keys = keys
        self._now = now

    def kept(self, key: RequestKey) -> Facts | None:
        """Give the answer kept under the key, if any."""
        return self._keys.kept(key, self._now())

    def keep(self, key: RequestKey, facts: Facts) -> Facts:
        """Keep an answer, unless one is kept already."""
        return self.kept(key) or self._keys.keep(key, self._now(), facts)


def _name(key: RequestKey) -> Name:
    return key.tenant_id, key.caller, key.route, key.key
