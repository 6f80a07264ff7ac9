"""Circuit breaker state in Redis, shared by all functions; without Redis each execution environment keeps its own."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Protocol

from aws_lambda_powertools.utilities.circuit_breaker import CircuitState
from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
    CircuitBreakerExistingLockError,
    CircuitBreakerPersistenceLayer,
)
from aws_lambda_powertools.utilities.circuit_breaker.persistence.record import CircuitStateRecord

_AWAY = object()
"""What Redis never answers."""

# One writer wins: the circuit must still be as it was read, or the last one to probe must have had her time.
_PROBE = """
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local circuit = cjson.decode(kept)
local unchanged = circuit.state == 'OPEN' and circuit.opened_at == tonumber(ARGV[2])
local lapsed = circuit.state == 'HALF_OPEN' and circuit.probe_lease_expiry <= tonumber(ARGV[3])
if not (unchanged or lapsed) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
return 1
"""


class Link(Protocol):
    """The part of `RedisLink` that is used here."""

    def attempt[T](self, command: Callable[[Any], T], default: T) -> T:
        """Run a command against the client; the default when Redis is away."""


class RedisBreakerStore(CircuitBreakerPersistenceLayer):
    """One key a circuit. What Redis cannot be asked or told holds here: a breaker must never be the outage itself."""

    def __init__(self, link: Link | None) -> None:
        """Without a link each execution environment keeps its own circuits."""
        super().__init__()
        self._link = link
        self._own: dict[str, CircuitStateRecord] = {}

    def _get_record(self, name: str) -> CircuitStateRecord | None:
        kept = self._ask(lambda client: client.get(_key(name)))
        if kept is not _AWAY:
            self._own.pop(name, None)
            if kept:
                self._own[name] = _record(name, kept)
        return self._own.get(name)

    def _put_record(
        self, record: CircuitStateRecord, condition: str | None = None, expected_opened_at: int | None = None
    ) -> None:
        if condition:
            self._win_probe(record, expected_opened_at)
        else:
            self._ask(lambda client: client.set(_key(record.name), _text(record), ex=_seconds_to_live(record)))
        self._own[record.name] = record

    def _update_record(self, record: CircuitStateRecord) -> None:
        self._put_record(record)

    def _win_probe(self, record: CircuitStateRecord, expected_opened_at: int | None) -> None:
        arguments = (_text(record), str(expected_opened_at), str(int(time.time())), str(_seconds_to_live(record)))
        won = self._ask(lambda client: client.eval(_PROBE, 1, _key(record.name), *arguments))
        if not won:
            raise CircuitBreakerExistingLockError

    def _ask(self, command: Callable[[Any], Any]) -> Any:
        return self._link.attempt(command, _AWAY) if self._link else _AWAY


def _key(name: str) -> str:
    return f"scheduler:breaker:{{{name}}}"


def _text(record: CircuitStateRecord) -> str:
    return json.dumps({member: value for member, value in asdict(record).items() if value is not None})


def _record(name: str, kept: bytes | str) -> CircuitStateRecord:
    """Read a record; what Redis made up counts as closed."""
    try:
        read = CircuitStateRecord(**json.loads(kept))
        return replace(read, name=name, state=CircuitState(read.state))
    except (ValueError, TypeError):
        return CircuitStateRecord(name=name, state=CircuitState.CLOSED)


def _seconds_to_live(record: CircuitStateRecord) -> int:
    return max(int((record.expiry_timestamp or 0) - time.time()), 1)
