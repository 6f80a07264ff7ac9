"""Locks that keep one user's, or one device's, requests in line. Lost, late or absent they only cost politeness."""

import os
import random
import time
from collections.abc import Sequence
from typing import Any, Self

from msgspec import Struct

from scheduler.adapters.redis.cache import EVICTION, GENERATION_KEY, KEY
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

# One script a request: count it in its windows, take the lock unless one of them is full, and read the cached quota.
# KEYS: the lock, the windows, perhaps the quota; ARGV: token and time to live, then limit, weight and tiers of each
# window. A lost answer to SET is not a lost lock: asked again, the stored token is compared.
_ADMIT = Script(
    TAKE
    + """
local windows, counted, passed = (#ARGV - 2) / 3, {}, true
local quota = KEYS[windows + 2] and redis.call('GET', KEYS[windows + 2]) or false
local now = windows > 0 and tonumber(redis.call('TIME')[1])
for n = 1, windows do
    local limit, weight, tiers = tonumber(ARGV[3 * n]), tonumber(ARGV[3 * n + 1]), ARGV[3 * n + 2]
    counted[n] = take(KEYS[n + 1], quota, limit, weight, tiers, now)
    passed = passed and counted[n][1] == 1
end
if not passed or not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
    and redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return {0, false, unpack(counted)}
end
return {1, quota, unpack(counted)}
"""
)
_WITHOUT_LOCK: Sequence[Any] = (1, None)
# Only the owner unlocks: after the TTL the lock may be another's. Nobody waits for it to be done, so nobody would learn
# that the server does not know a hash: it is sent in full.
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_EVICT = "redis.call('INCR', KEYS[2]) redis.call('UNLINK', KEYS[3]) "


class LockedAdmission:
    """A request that holds its place in line while it is entered, or goes on without because Redis is away."""

    __slots__ = ("_evict", "_gate", "_line", "_token", "quota")

    def __init__(self, gate: "RedisGate", line: "_Line") -> None:
        """Wait in that line, once entered."""
        self.quota: QuotaDocument | None = None
        self._gate, self._line = gate, line
        self._evict = False

    def fleet_changed(self) -> None:
        """Have the list of available devices evicted together with the unlock."""
        self._evict = True

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            UserBusy: It is held by another for too long.
            RateLimited: A window is full.
        """
        self._token = os.urandom(16).hex()
        cached, user = self._gate.wait_for(self._line, self._token), self._line.user
        self.quota = read_document(user, cached) if user and cached else None
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back, whatever happened."""
        self._gate.leave(self._line, self._token, evict=self._evict)


class _Line(Struct, frozen=True):
    """Where requests wait: the key of the lock; in a user's line, whose it is, and where her quota lies."""

    lock: str
    user: User | None = None
    quota_key: str = ""


class RedisGate:
    """User and device locks with a TTL, a token, and a bounded wait with jitter."""

    def __init__(self, link: RedisLink, meter: Meter, wait_seconds: float, limiter: RedisLimiter | None = None) -> None:
        """Wait up to `wait_seconds` for a lock that is held. Without a limiter nobody's requests are counted here."""
        self._link = link
        self._meter = meter
        self._limiter = limiter
        self._wait_seconds = wait_seconds

    def admit_user(self, user: User) -> LockedAdmission:
        """Hold the user's lock; bring her cached quota document along."""
        tag = user_tag(user.tenant_id, user.user_id)
        return LockedAdmission(self, _Line(f"allocation:user:{tag}", user, _quota_key(user)))

    def admit_device(self, device_id: str) -> LockedAdmission:
        """Hold the device's lock."""
        return LockedAdmission(self, _Line(f"allocation:device:{{{device_id}}}"))

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        """Keep a document for a minute."""
        text = write_document(user, document)
        command: Command = ("SET", _quota_key(user), text, "EX", QUOTA_TTL_SECONDS)
        self._link.attempt(lambda client: client.run([command]), default=None)

    def forget_quota(self, user: User) -> None:
        """Drop the kept document; a request that has just read it may keep it once more."""
        self._link.attempt(lambda client: client.run([("DEL", _quota_key(user))]), default=None)

    def wait_for(self, line: _Line, token: str) -> str | None:
        """Wait for the lock of a line, and give the quota document that lies there.

        Raises:
            UserBusy: It is held by another for too long.
            RateLimited: A window is full.
        """
        started = time.monotonic()
        won, cached = self._count_and_ask(line, token)
        while not won:
            if time.monotonic() - started > self._wait_seconds:
                raise UserBusy(retry_after_seconds=1)
            time.sleep(random.uniform(0.01, 0.05))
            won, cached = self._ask(line, token, ()) or _WITHOUT_LOCK
        self._meter.observe("LockWait", 1000 * (time.monotonic() - started), "Milliseconds")
        return str(cached) if cached else None

    def leave(self, line: _Line, token: str, *, evict: bool) -> None:
        """Give the lock back if it is still the token's; evict the list of available devices as well."""
        self._link.attempt(lambda client: _leave(client, line.lock, token, evict=evict), default=None)

    def _count_and_ask(self, line: _Line, token: str) -> Sequence[Any]:
        """Ask for the lock; the first time a request does, count it as well.

        Raises:
            RateLimited: A window is full; then the lock is not kept.
        """
        turn, limiter = open_turn(), self._limiter
        if turn is None or limiter is None:
            return self._ask(line, token, ()) or _WITHOUT_LOCK
        if line.user is not None:
            turn.tenant_id, turn.user_id = line.user.tenant_id, line.user.user_id  # whoever asks for her
        windows = limiter.windows(turn)
        answer = self._ask(line, token, windows)
        won, cached, *told = answer or _WITHOUT_LOCK
        try:
            limiter.settle(turn, windows, told if answer else None)
        except RateLimited:
            if won:
                self.leave(line, token, evict=False)
            raise
        return won, cached

    def _ask(self, line: _Line, token: str, windows: Sequence[Window]) -> list[Any] | None:
        """Give whether the lock was had, the cached quota, and what each window says; None: Redis is away."""

        def ask(client: Client) -> list[Any]:
            # On a cluster one script sees one slot: the user's, where her own window lies, or the device's.
            near = [w for w in windows if client.one_slot or (line.user and w.by_user)]
            apart = [w.command() for w in windows if w not in near]
            *told_apart, (won, cached, *told) = client.run([*apart, _admission(line, token, near)])
            return [won, cached, *told_apart, *told]

        return self._link.attempt(ask, default=None)


def _admission(line: _Line, token: str, windows: Sequence[Window]) -> Command:
    keys, quota_at = [line.lock], line.quota_key
    arguments: list[str | int] = [token, LOCK_TTL_MS]
    for window in windows:
        keys.append(window.key)
        arguments += (window.limit, window.weight, window.tiers)
        quota_at = quota_at or window.quota_key
    return _ADMIT.on([*keys, quota_at] if quota_at else keys, *arguments)


def _leave(client: Client, key: str, token: str, *, evict: bool) -> None:
    if evict and client.one_slot:
        client.tell([("EVAL", _EVICT + _UNLOCK, 3, key, GENERATION_KEY, KEY, token)])
    else:
        client.tell([("EVAL", _UNLOCK, 1, key, token), *(EVICTION if evict else ())])


def _quota_key(user: User) -> str:
    return quota_key(user.tenant_id, user.user_id)
