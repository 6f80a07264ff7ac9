"""Caps against hoarding: how much a tenant, or one of its users, may have at a time."""

from dataclasses import dataclass
from enum import StrEnum


class Capped(StrEnum):
    """What is counted."""

    ALLOCATIONS = "allocations"
    RESERVATIONS = "reservations"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Cap:
    """The most at a time; 0: any number."""

    tenant: int = 0
    user: int = 0


@dataclass(frozen=True, slots=True)
class Caps:
    """Active allocations, pending reservations and waits. A user's allocations have her quota, her waits are one."""

    allocations: Cap = Cap()
    reservations: Cap = Cap()
    waits: Cap = Cap()


NO_CAPS = Caps()
