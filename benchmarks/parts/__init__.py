"""The parts, in the order in which they are measured and told. To add one: a module with its PART, and a line here."""

from typing import Any

from benchmarks.part import Part
from benchmarks.parts import (
    available,
    cold_start,
    cycles,
    fixed_rate,
    growth,
    lock,
    outbox_lag,
    profile,
    strategies,
    sweeps,
)

PARTS: tuple[Part[Any], ...] = (
    cycles.PART,
    strategies.PART,
    fixed_rate.PART,
    outbox_lag.PART,
    lock.PART,
    growth.PART,
    sweeps.PART,
    available.PART,
    cold_start.PART,
    profile.PART,
)
