"""Circuit breaker state in Redis, shared by all functions; without Redis each execution environment keeps its own."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, CircuitInfo, CircuitState

from scheduler.adapters.redis.commands import Command, Script

KEPT_SECONDS = 3600
"""Far longer than a circuit stays open; one that nobody uses any more goes away."""

_AWAY = object()
"""What Redis never answers."""

# One writer wins: the circuit must still be as it was read, or the last one to probe must have had her time.
_PROBE = Script("""
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local circuit = cjson.decode(kept)
local unchanged = circuit.state == 'OPEN' and circuit.opened_at == tonumber(ARGV[2])
local lapsed = circuit.state == 'HALF_OPEN' and circuit.probe_lease_expiry <= tonumber(ARGV[3])
if not (unchanged or lapsed) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
return 1
""")


class Link(Protocol):
    """The part of `RedisLink` that is used here."""

    def attempt[T](self, command: Callable[[Any], T], default: T) -> T:
        """Run a command against the client; the default when Redis is away."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """One circuit, with the members that Powertools reads; times are Unix seconds."""

    name: str
    state: CircuitState = CircuitState.CLOSED
    failure_count: int = 0
    opened_at: int | None = None
    half_open_owner: str | None = None
    probe_lease_expiry: int | None = None

    def to_circuit_info(self) -> CircuitInfo:
        """Give what callers may see."""
        return CircuitInfo(self.name, self.state, self.failure_count, self.opened_at)


class RedisBreakerStore:
    """One key a circuit. What Redis cannot be asked or told holds here: a breaker must never be the outage itself.

    It has the methods of Powertools' persistence layers without being derived from their base, whose package imports
    boto3 and would make every cold start wait for it.
    """

    def __init__(self, link: Link | None) -> None:
        """Without a link each execution environment keeps its own circuits."""
        self._link = link
        self._configs: dict[str, CircuitBreakerConfig] = {}
        self._seen: dict[str, tuple[float, Circuit]] = {}

    def configure(self, config: CircuitBreakerConfig, circuit_name: str) -> None:
        """Take a circuit's times: how long it stays open, and how long its state is remembered."""
        self._configs[circuit_name] = config

    def get_state(self, name: str) -> Circuit:
        """Give the state, as it was when Redis was last asked and answered."""
        fresh_until, circuit = self._seen.get(name, (0.0, Circuit(name)))
        if time.monotonic() < fresh_until:
            return circuit
        kept = self._ask(("GET", _key(name)))
        if kept is not _AWAY:
            circuit = _circuit(name, kept) if kept else Circuit(name)
        self._remember(circuit)
        return circuit

    def save_open(self, name: str, failure_count: int, opened_at: int) -> None:
        """Open a closed circuit."""
        self._save(Circuit(name, CircuitState.OPEN, failure_count, opened_at))

    def save_reopen(self, name: str, opened_at: int) -> None:
        """Open a circuit whose probe failed."""
        self._save(Circuit(name, CircuitState.OPEN, opened_at=opened_at))

    def save_closed(self, name: str) -> None:
        """Close a circuit whose probe succeeded."""
        self._save(Circuit(name))

    def try_acquire_half_open(self, name: str, owner: str, opened_at: int) -> bool:
        """Become the one who probes; tell whether that worked. Without Redis everybody does who asks."""
        now = int(time.time())
        lease = now + self._configs[name].recovery_timeout
        probing = Circuit(name, CircuitState.HALF_OPEN, 0, opened_at, owner, lease)
        won = self._ask(_PROBE.on([_key(name)], _text(probing), opened_at, now, KEPT_SECONDS))
        if won:
            self._remember(probing)
        return bool(won)

    def states(self, names: Sequence[str]) -> Mapping[str, str]:
        """Tell how these circuits are (closed, open, half_open), in one round trip; none when Redis is away."""
        commands: list[Command] = [("GET", _key(name)) for name in names]
        kept: list[Any] = []
        if self._link and commands:
            kept = self._link.attempt(lambda client: client.run(commands), kept)
        return {
            name: (_circuit(name, text).state if text else CircuitState.CLOSED).value.lower()
            for name, text in zip(names, kept, strict=False)
        }

    def _save(self, circuit: Circuit) -> None:
        self._ask(("SET", _key(circuit.name), _text(circuit), "EX", KEPT_SECONDS))
        self._remember(circuit)

    def _remember(self, circuit: Circuit) -> None:
        self._seen[circuit.name] = (time.monotonic() + self._configs[circuit.name].local_cache_max_age, circuit)

    def _ask(self, command: Command) -> Any:
        return self._link.attempt(lambda client: client.run([command])[0], _AWAY) if self._link else _AWAY


def _key(name: str) -> str:
    return f"scheduler:breaker:{{{name}}}"


def _text(circuit: Circuit) -> str:
    return json.dumps({member: value for member, value in asdict(circuit).items() if value is not None})


def _circuit(name: str, kept: bytes | str) -> Circuit:
    """Read a circuit; what Redis made up counts as closed."""
    try:
        read = Circuit(**json.loads(kept))
        return replace(read, name=name, state=CircuitState(read.state))
    except (ValueError, TypeError):
        return Circuit(name)
