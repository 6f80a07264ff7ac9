"""The fleet as it is in truth: how fast each phone boots, how often it fails, what its host does to it."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from zlib import crc32

from tools.simulate.demand import DAY, HOUR

SIZES = {(2, 4096): 40, (4, 8192): 30, (8, 16384): 20, (16, 32768): 10}
"""Cores and MB of each kind of phone, and how many of a hundred are of it."""
MODELS = {"a": (0.6, 20.0), "b": (1.0, 35.0), "c": (2.0, 60.0)}
"""By model: how often it fails compared with others, and how many seconds it boots."""
PHONES_A_HOST = 20
FAILURES_AN_HOUR = 1 / 150
"""Of a new phone of the middle kind on a host that does little else."""
SPREAD = 0.9
"""Of the logarithm of a phone's own rate."""
BAD_HOSTS, BADNESS = 0.1, 4.0
NOISY_HOSTS, NOISE = 0.2, 0.35
NEIGHBOUR_WEIGHT = 3.0
"""A host that is full makes its phones fail so many times more often than an idle one."""
WEAR_HOURS = 1000.0
"""So many hours of use make a phone fail twice as often, at ageing 1."""
LOAD_SECONDS = 1800.0
"""So long a host's load stays what it is; so often phones tell of it."""


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """What a world is made from. `ageing` 2: wear counts double. `is_null`: every phone and host the same."""

    devices: int
    ageing: float = 1.0
    is_null: bool = False
    repair_minutes: float = 20.0
    turns_bad_at: float | None = None
    """Seconds after the start at which the first good hosts become bad: as many as are bad anyway."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Cores and MB of the first phones; those beyond are of any of these. Empty: as is usual."""


@dataclass(slots=True, eq=False)
class Host:
    """A machine that phones run on. `load`: the share that it does for others, 0 to 1."""

    number: int
    load: float
    is_noisy: bool
    badness: float
    turns_bad_at: float = math.inf


@dataclass(slots=True, eq=False)
class Phone:
    """A device: what is true of it, and what its history shows to a strategy."""

    id: str
    cpu_cores: int
    memory_mb: int
    host: Host
    model: str
    boot_seconds: float
    failures_an_hour: float
    worn_hours: float
    cpu_usage: float = 0.0
    memory_usage: float = 0.0
    storage_usage: float = 0.0
    used_seconds: float = 0.0
    lent_at: float | None = None
    failed_at: deque[float] = field(default_factory=deque)
    is_down: bool = False

    @property
    def columns(self) -> Mapping[str, Any]:
        """As it is registered."""
        return {
            "id": self.id,
            "name": self.id,
            "device_type": "android-14",
            "status": "running",
            "cpu_cores": self.cpu_cores,
            "memory_mb": self.memory_mb,
            "storage_mb": 65536,
            "adb_host": "10.0.0.7",
            "adb_port": 5555,
        }


class World:
    """All phones, drawn from a seed, and the laws that hold for them."""

    def __init__(self, options: WorldOptions, seed: int) -> None:
        """Draw hosts and phones; the first phones of two sizes of fleet are the same."""
        self.options = options
        self._seed = seed
        self.hosts = [self._host(number) for number in range(math.ceil(options.devices / PHONES_A_HOST))]
        if options.turns_bad_at is not None:
            good = [host for host in self.hosts if host.badness == 1.0]
            for host in good[: math.ceil(BAD_HOSTS * len(self.hosts))]:
                host.turns_bad_at = options.turns_bad_at
        self.phones = {phone.id: phone for phone in map(self._phone, range(options.devices))}
        self.by_host: dict[Host, list[Phone]] = {host: [] for host in self.hosts}
        for phone in self.phones.values():
            self.by_host[phone.host].append(phone)

    def load(self, host: Host, at: float) -> float:
        """Tell what share of a host is busy with other things, 0 to 1: by day more, and in bursts on a noisy one."""
        if self.options.is_null:
            return host.load
        slot = int(at / LOAD_SECONDS)
        chance = crc32(f"{self._seed}|{host.number}|{slot // 4}".encode()) / 2**32
        burst = NOISE if host.is_noisy and chance < 1 / 3 else 0.0
        rhythm = 0.1 * math.cos(2 * math.pi * (slot * LOAD_SECONDS / DAY - 15 / 24))
        return min(max(host.load + rhythm + burst, 0.0), 1.0)

    def failures_an_hour(self, phone: Phone, at: float) -> float:
        """Tell how often a phone fails now: its own rate, what wear makes of it, and its neighbours."""
        wear = 1 + self.options.ageing * phone.worn_hours / WEAR_HOURS
        neighbours = 1 + NEIGHBOUR_WEIGHT * self.load(phone.host, at) ** 2
        turned = BADNESS if at >= phone.host.turns_bad_at else 1.0
        return phone.failures_an_hour * wear * neighbours * turned

    def start_seconds(self, phone: Phone, at: float) -> float:
        """Tell how long it takes until a phone that is lent can be used."""
        return phone.boot_seconds * (1 + self.load(phone.host, at))

    def use(self, phone: Phone, seconds: float) -> None:
        """Wear a phone."""
        phone.used_seconds += seconds
        if not self.options.is_null:
            phone.worn_hours += seconds / HOUR

    def observe(self, phone: Phone, at: float) -> None:
        """Have a phone tell what of its host is in use, in percent."""
        load = self.load(phone.host, at)
        phone.cpu_usage, phone.memory_usage = 100 * load, 20 + 60 * load

    def _host(self, number: int) -> Host:
        draw = Random(f"{self._seed} host {number}")
        load, noisy, bad = draw.uniform(0.1, 0.6), draw.random() < NOISY_HOSTS, draw.random() < BAD_HOSTS
        if self.options.is_null:
            return Host(number, 0.3, is_noisy=False, badness=1.0)
        return Host(number, load, noisy, BADNESS if bad else 1.0)

    def _phone(self, number: int) -> Phone:
        draw = Random(f"{self._seed} phone {number}")
        host = self.hosts[number // PHONES_A_HOST]
        cpu_cores, memory_mb = draw.choices(list(SIZES), list(SIZES.values()))[0]
        model, (relative, boot_seconds) = draw.choice(list(MODELS.items()))
        own, worn = math.exp(draw.gauss(-(SPREAD**2) / 2, SPREAD)), draw.expovariate(2 / WEAR_HOURS)
        if self.options.is_null:
            relative, boot_seconds, own, worn = 1.0, 35.0, 1.0, 0.0
        rate = FAILURES_AN_HOUR * relative * own * host.badness
        if sizes := self.options.sizes:
            cpu_cores, memory_mb = sizes[number] if number < len(sizes) else draw.choice(sizes)
        phone = Phone(f"phone-{number:06}", cpu_cores, memory_mb, host, model, boot_seconds, rate, worn)
        phone.storage_usage = draw.uniform(5, 95) if not self.options.is_null else 50.0
        self.observe(phone, 0.0)
        return phone
