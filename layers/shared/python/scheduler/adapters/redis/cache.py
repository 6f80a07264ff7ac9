"""The list of available devices, kept for ten seconds and evicted by every change that makes it wrong."""

import hashlib
import json
from dataclasses import astuple
from typing import Any

from scheduler.adapters.redis.client import Client, RedisLink
from scheduler.adapters.redis.commands import Command, Script
from scheduler.domain.model import AvailableFilter, AvailablePage, FreeDevice

KEY = "scheduler:available-devices"
"""A hash: one field a pool, filter and page, so that one DEL evicts them all."""
GENERATION_KEY = f"{{{KEY}}}:generation"
"""Counts evictions; in the same cluster slot as KEY."""
EVICTION: tuple[Command, ...] = (("INCR", GENERATION_KEY), ("UNLINK", KEY))
"""First the generation, so that nobody stores what was read before."""
TTL_MS = 10_000
MAX_PAGES = 500
_MEMBERS = [str, str, str, int, int, int]
_AWAY: tuple[str | None, int] = (None, -1)

# A page read from Postgres before a change must not be stored after that change evicted the list.
_STORE = Script("""
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] or redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4], 'NX')
return 1
""")


class RedisAvailableCache:
    """Pages of the available list by pool and filter."""

    def __init__(self, link: RedisLink) -> None:
        """Work over one link."""
        self._link = link

    def read(self, wanted: AvailableFilter) -> tuple[AvailablePage | None, int]:
        """Give the kept page, and the generation to store a fresh one under; -1 when Redis is away or lies."""
        field = _field(wanted)

        def look(client: Client) -> tuple[str | None, int]:
            kept, generation = client.run([("HGET", KEY, field), ("GET", GENERATION_KEY)])
            return kept, _number(generation or "0")

        kept, generation = self._link.attempt(look, default=_AWAY)
        return (_read_page(kept) if kept else None), generation

    def store(self, wanted: AvailableFilter, page: AvailablePage, generation: int) -> None:
        """Keep a page unless the list was evicted since the generation was read."""
        if generation < 0:
            return
        text = json.dumps([[astuple(device) for device in page.devices], page.total, page.more])
        command = _STORE.on([KEY, GENERATION_KEY], generation, _field(wanted), text, TTL_MS, MAX_PAGES)
        self._link.attempt(lambda client: client.run([command]), default=None)

    def evict(self) -> None:
        """Forget all pages."""

        self._link.attempt(lambda client: client.run(EVICTION), default=None)


def _field(wanted: AvailableFilter) -> str:
    return hashlib.sha256(repr(wanted).encode()).hexdigest()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else _AWAY[1]


def _read_page(text: str) -> AvailablePage | None:
    """Read a kept page; None when it is none, for what Redis holds may be anybody's."""
    try:
        devices, total, more = json.loads(text)
        if not _sound(devices, total, more):
            return None
        return AvailablePage(tuple(FreeDevice(*device) for device in devices), total, more)
    except (ValueError, TypeError, RecursionError):
        return None


def _sound(devices: Any, total: Any, more: Any) -> bool:
    right_types = [type(total), type(more)] == [int, bool] and all(
        list(map(type, each)) == _MEMBERS for each in devices
    )
    return right_types and (bool(devices) or not more)
