"""Sliding windows in Redis: in no sixty seconds do more requests pass than the limit says.

A window is a hash that counts what passed in each second, by Redis' own clock. A second counts until it is over and
sixty more have passed, so a place is free again after 60 to 61 seconds. What is refused is not counted: hammering locks
nobody out. Windows cost speed and politeness only: without Redis, or when it makes no sense, everybody passes, and a
metric says so.
"""

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from scheduler.adapters.redis.client import RedisLink
from scheduler.adapters.redis.commands import Command, Script
from scheduler.adapters.redis.keys import quota_key, user_tag
from scheduler.domain.errors import RateLimited
from scheduler.ports import Meter
from scheduler.turns import RateLimits, Turn, Verdict

# take(key, quota, limit, weight, tiers, now): count a request, or refuse it. The plan of the cached quota document says
# by what the limit is multiplied; the window remembers it, since the document is kept for a minute only. The seconds
# are added up once a second, and before anybody is refused: in between `at`, `used` and `first` keep that second, the
# sum, and the oldest second counted. A wrong sum lasts no longer than its second; what is no count is dropped with it.
# Gives {passed, limit, left, seconds until further ones fit, the second under which it was counted}.
TAKE = """
local function whole(text)
    local number = tonumber(text)
    return number and number >= 0 and number == math.floor(number) and number or nil
end
local function sum(key, now)
    local kept = redis.call('HGETALL', key)
    if #kept > 200 then redis.call('DEL', key) kept = {} end
    local counts, used = {}, 0
    for i = 1, #kept, 2 do
        local name, second, count = kept[i], tonumber(kept[i]), tonumber(kept[i + 1])
        if second and count and count > 0 and second >= now - 60 and second <= now then
            used = used + count
            counts[#counts + 1] = {second, count}
        elseif name ~= 'plan' and name ~= 'at' and name ~= 'used' and name ~= 'first' then
            redis.call('HDEL', key, name)
        end
    end
    table.sort(counts, function(one, other) return one[1] < other[1] end)
    return counts, used
end
local function take(key, quota, limit, weight, tiers, now)
    local known = redis.pcall('HMGET', key, 'at', 'used', 'first', 'plan', now)
    if known.err then redis.call('DEL', key) known = {} end
    local used, first, plan, counts = whole(known[2]), whole(known[3]), known[4] or '', nil
    if tonumber(known[1]) ~= now or not (used and first and first <= now and first >= now - 60) then
        counts, used = sum(key, now)
        first = counts[1] and counts[1][1] or now
    end
    if tiers ~= '' then
        local read, document = pcall(cjson.decode, quota or '')
        local named = read and type(document) == 'table' and document.plan_name
        if type(named) == 'string' then plan = named end
        limit = math.max(1, math.floor(limit * (cjson.decode(tiers)[plan] or 1)))
    end
    weight = math.min(weight, limit)
    if used + weight > limit and not counts then
        counts, used = sum(key, now)
        first = counts[1] and counts[1][1] or now
    end
    local excess = used + weight - limit
    if excess > 0 then
        for _, counted in ipairs(counts) do
            excess = excess - counted[2]
            if excess <= 0 then return {0, limit, math.max(0, limit - used), counted[1] + 61 - now, now} end
        end
    end
    local count = known[5]
    if counts then count = redis.call('HGET', key, now) end
    redis.call('HSET', key, now, (whole(count) or 0) + weight, 'at', now, 'used', used + weight, 'first', first)
    if plan ~= '' and plan ~= known[4] then redis.call('HSET', key, 'plan', plan) end
    if counts then redis.call('EXPIRE', key, 62) end
    return {1, limit, limit - used - weight, first + 61 - now, now}
end
"""
_TAKE_ONE = Script(
    TAKE
    + "return take(KEYS[1], KEYS[2] and redis.call('GET', KEYS[2]), tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3],"
    + " tonumber(redis.call('TIME')[1]))"
)


class Window(Struct, frozen=True):
    """One window that a request must fit into. `quota_key`: where the plan is read, in its slot; empty: nowhere."""

    name: str
    key: str
    limit: int
    weight: int
    by_user: bool = False
    """It lies in the slot of the user's lock and quota."""
    quota_key: str = ""
    tiers: str = ""

    def command(self) -> Command:
        """Give the command that takes a place."""
        keys = [self.key, self.quota_key] if self.quota_key else [self.key]
        return _TAKE_ONE.on(keys, self.limit, self.weight, self.tiers)


class RedisLimiter:
    """Takes turns: one round trip, in which a service's total and the user's window are asked."""

    def __init__(self, link: RedisLink, meter: Meter, limits: RateLimits) -> None:
        """Hold requests to the limits."""
        self._link = link
        self._meter = meter
        self._limits = limits
        self._tiers = json.dumps(dict(limits.tiers)) if limits.tiers else ""

    def take(self, turn: Turn) -> None:
        """Count a request.

        Raises:
            RateLimited: A window is full.
        """
        windows = self.windows(turn)
        commands = [window.command() for window in windows]
        replies = self._link.attempt(lambda client: client.run(commands), default=None) if windows else None
        self.settle(turn, windows, replies)

    def windows(self, turn: Turn) -> list[Window]:
        """Give the windows that a request must fit into: of all services of the tenant together, and the user's own."""
        return [window for window in (self._total(turn), self._own(turn)) if window]

    def _total(self, turn: Turn) -> Window | None:
        if not turn.by_service or not self._limits.service:
            return None
        key = f"scheduler:rate:{{{turn.tenant_id}}}:service"
        return Window("service", key, self._limits.service, turn.weight)

    def _own(self, turn: Turn) -> Window | None:
        limit = self._limits.by_pace[turn.pace]
        if not limit:
            return None
        # The length tells tenants apart where a bar in a name makes two tags the same.
        key = f"scheduler:rate:{user_tag(turn.tenant_id, turn.user_id)}:{len(turn.tenant_id)}:{turn.pace}"
        plan_at = quota_key(turn.tenant_id, turn.user_id) if self._tiers else ""
        return Window(f"user-{turn.pace}", key, limit, 1, True, plan_at, self._tiers)

    def settle(self, turn: Turn, windows: Sequence[Window], replies: Sequence[Any] | None) -> None:
        """Note what the windows said; who is refused by one gives back what another took.

        Raises:
            RateLimited: A window is full.
        """
        turn.taken = True
        if not windows:
            return
        told = list(zip(windows, replies, strict=True)) if replies and len(replies) == len(windows) else []
        if not told or not all(_makes_sense(reply) for _, reply in told):
            self._meter.count("RateLimitSkipped")
            return
        turn.verdicts = [_verdict(window, reply) for window, reply in told]
        refused = [verdict for verdict in turn.verdicts if not verdict.allowed]
        if refused:
            self._give_back([(window.key, reply[4], window.weight) for window, reply in told if reply[0] == 1])
            self._meter.count("RateLimited")
            raise RateLimited(retry_after_seconds=max(verdict.seconds for verdict in refused))

    def _give_back(self, taken: Sequence[tuple[str, int, int]]) -> None:
        commands: list[Command] = [("HINCRBY", key, second, -weight) for key, second, weight in taken]
        if commands:
            self._link.attempt(lambda client: client.run(commands), default=None)


def _verdict(window: Window, reply: Sequence[int]) -> Verdict:
    passed, limit, left, seconds, _ = reply
    return Verdict(window.name, limit, left, seconds, allowed=passed == 1)


def _makes_sense(reply: object) -> bool:
    if not isinstance(reply, list) or len(reply) != 5:
        return False
    for part in reply:  # noqa: SIM110  half as fast by all()
        if type(part) is not int or part < 0:
            return False
    return True
