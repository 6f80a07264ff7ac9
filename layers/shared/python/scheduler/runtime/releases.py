"""Wires the gate that new versions pass."""

from functools import lru_cache

from scheduler.adapters.aws.releases import CodeDeployReleases
from scheduler.service.release_gate import ReleaseGate


@lru_cache(maxsize=1)
def get_release_gate() -> ReleaseGate:
    """Wire the smoke function."""
    return ReleaseGate(CodeDeployReleases())
