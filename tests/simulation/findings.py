"""How the promises of a week were kept, counted apart from the product's own statistic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kept:
    """Counts of waits; known: served, or left unserved after the p90 was over."""

    known: int
    unknown: int
    within_p50: int
    within_p90: int

    @property
    def share_within_p50(self) -> float:
        """Of the known ones."""
        return self.within_p50 / max(self.known, 1)

    @property
    def share_within_p90(self) -> float:
        """Of the known ones."""
        return self.within_p90 / max(self.known, 1)


def kept(waits: Sequence[Mapping[str, Any]]) -> Kept:
    """Count what was promised at the join against what came."""
    promised = [wait for wait in waits if wait["promised_p90"] is not None]
    known = [wait for wait in promised if is_known(wait)]
    return Kept(len(known), len(promised) - len(known), within(known, "promised_p50"), within(known, "promised_p90"))


def is_known(wait: Mapping[str, Any]) -> bool:
    """Whether it is told by its end if the promise was kept."""
    return wait["status"] == "fulfilled" or bool(wait["waited"] > wait["promised_p90"])


def within(waits: Sequence[Mapping[str, Any]], promise: str) -> int:
    """Count the served that waited no longer than was told."""
    return sum(wait["status"] == "fulfilled" and wait["waited"] <= wait[promise] for wait in waits)
