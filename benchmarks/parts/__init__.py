"""The parts, in the order in which they are measured and told. To add one: a module with its PART, and a line here."""

from typing import Any

from benchmarks.part import Part
from benchmarks.parts import cold_start, cycles

PARTS: tuple[Part[Any], ...] = (
    cycles.PART,
    cold_start.PART,
)
