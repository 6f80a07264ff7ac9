"""Locks that keep one user's, or one device's, requests in line. Lost, late or absent they only cost politeness."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scheduler.adapters.redis.cache import EVICTION
from scheduler.adapters.redis.client import Client, RedisLink
from scheduler.adapters.redis.commands import Command, Script
from scheduler.adapters.redis.keys import quota_key, user_tag
from scheduler.adapters.redis.limiter import TAKE, RedisLimiter, Window
from scheduler.adapters.redis.quota_cache import read_document, write_document
from scheduler.domain.errors import RateLimited, UserBusy
from scheduler.domain.model import User
from scheduler.domain.quota import QuotaDocument
from scheduler.ports import Meter
from scheduler.turns import open_turn

LOCK_TTL_MS = 5000
QUOTA_TTL_SECONDS = 60

# One script a request: count it in the user's window, take the lock, and read the cached quota that lies in the same
# slot. A lost answer to SET is not a lost lock: asked again, the stored token is compared.
_ADMIT_TEXT = """
local quota = KEYS[2] and redis.call('GET', KEYS[2]) or false
local counted = KEYS[3] and take(KEYS[3], quota, tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]) or false
if counted and counted[1] == 0 then return {0, false, counted} end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return {0, false, counted}
end
return {1, quota, counted}
"""
_ADMIT = Script(_ADMIT_TEXT)
_COUNT_AND_ADMIT = Script(TAKE + _ADMIT_TEXT)
_WITHOUT_LOCK: list[Any] = [1, None, None]
# Only the owner unlocks: after the TTL the lock may be another's. Nobody waits for it to be done, so nobody would learn
# that the server does not know a hash: it is sent in full.
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(slots=True)
class LockedAdmission:
    """A request that holds its place in line, or goes on without because Redis is away."""

    quota: QuotaDocument | None = None
    evict: bool = False

    def fleet_changed(self) -> None:
        """Have the list of available devices evicted together with the unlock."""
        self.evict = True


class RedisGate:
    """User and device locks with a TTL, a token, and a bounded wait with jitter."""

    def __init__(self, link: RedisLink, meter: Meter, wait_seconds: float, limiter: RedisLimiter | None = None) -> None:
        """Wait up to `wait_seconds` for a lock that is held. Without a limiter nobody's requests are counted here."""
        self._link = link
        self._meter = meter
        self._limiter = limiter
        self._wait_seconds = wait_seconds

    @contextmanager
    def admit_user(self, user: User) -> Iterator[LockedAdmission]:
        """Hold the user's lock; bring her cached quota document along."""
        yield from self._held([f"allocation:user:{user_tag(user.tenant_id, user.user_id)}", _quota_key(user)], user)

    @contextmanager
    def admit_device(self, device_id: str) -> Iterator[LockedAdmission]:
        """Hold the device's lock."""
        yield from self._held([f"allocation:device:{{{device_id}}}"])

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        """Keep a document for a minute."""
        text = write_document(user, document)
        command: Command = ("SET", _quota_key(user), text, "EX", QUOTA_TTL_SECONDS)
        self._link.attempt(lambda client: client.run([command]), default=None)

    def forget_quota(self, user: User) -> None:
        """Drop the kept document; a request that has just read it may keep it once more."""
        self._link.attempt(lambda client: client.run([("DEL", _quota_key(user))]), default=None)

    def _held(self, keys: list[str], user: User | None = None) -> Iterator[LockedAdmission]:
        token = os.urandom(16).hex()
        cached = self._wait_for(keys, token, user)
        admission = LockedAdmission(quota=read_document(user, cached) if user and cached else None)
        try:
            yield admission
        finally:
            self._link.attempt(lambda client: _leave(client, keys[0], token, evict=admission.evict), default=None)

    def _wait_for(self, keys: list[str], token: str, user: User | None) -> str | None:
        started = time.monotonic()
        won, cached = self._count_and_ask(keys, token, user)
        while not won:
            if time.monotonic() - started > self._wait_seconds:
                raise UserBusy(retry_after_seconds=1)
            time.sleep(random.uniform(0.01, 0.05))
            won, cached = self._ask(keys, token)
        self._meter.observe("LockWait", 1000 * (time.monotonic() - started), "Milliseconds")
        return str(cached) if cached else None

    def _count_and_ask(self, keys: list[str], token: str, user: User | None) -> tuple[Any, Any]:
        """Ask for the lock; the first time a request does, count it as well.

        Raises:
            RateLimited: A window is full; then the lock is not kept.
        """
        turn = open_turn()
        if turn is None or self._limiter is None:
            return self._ask(keys, token)
        if user is not None:
            turn.tenant_id, turn.user_id = user.tenant_id, user.user_id  # whoever asks for her
        own, total = self._limiter.own(turn), self._limiter.total(turn)
        windows = [window for window in (total, own) if window]
        if not windows:
            turn.taken = True
            return self._ask(keys, token)
        apart = [window for window in windows if window is total or user is None]  # in other slots than the lock
        commands = [*(window.command() for window in apart), self._admission(keys, token, own if user else None)]
        replies = self._link.attempt(lambda client: client.run(commands), default=None)
        won, cached, counted = replies[-1] if replies else _WITHOUT_LOCK
        told = [*replies[:-1], counted][: len(windows)] if replies else None
        try:
            self._limiter.settle(turn, windows, told)
        except RateLimited:
            if won:
                self._link.attempt(lambda client: _leave(client, keys[0], token, evict=False), default=None)
            raise
        return won, cached

    def _ask(self, keys: list[str], token: str) -> tuple[Any, Any]:
        command = self._admission(keys, token, None)
        won, cached, _ = self._link.attempt(lambda client: client.run([command])[0], default=_WITHOUT_LOCK)
        return won, cached

    def _admission(self, keys: list[str], token: str, window: Window | None) -> Command:
        if window is None:
            return _ADMIT.on(keys, token, LOCK_TTL_MS)
        return _COUNT_AND_ADMIT.on([*keys, window.key], token, LOCK_TTL_MS, window.limit, window.weight, window.tiers)


def _leave(client: Client, key: str, token: str, *, evict: bool) -> None:
    unlock: Command = ("EVAL", _UNLOCK, 1, key, token)
    client.tell([unlock, *EVICTION] if evict else [unlock])


def _quota_key(user: User) -> str:
    return quota_key(user.tenant_id, user.user_id)
