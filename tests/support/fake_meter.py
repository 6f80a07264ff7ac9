"""Remembers what was measured."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class FakeMeter:
    """Counters and observations by name."""

    counted: Counter[str] = field(default_factory=Counter)
    observed: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
        self.counted[name] += int(value)

    def observe(self, name: str, value: float, unit: str) -> None:
        """Note a value."""
        self.observed.setdefault(name, []).append((value, unit))
