"""Wires the choice of the placement strategy."""

from functools import lru_cache

from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.runtime.connection import database
from scheduler.service.learner import Learner
from scheduler.service.placement import Placement


@lru_cache(maxsize=1)
def get_placement() -> Placement:
    """Wire GET and PUT /strategy, and the rescoring."""
    return Placement(PostgresStrategy(database()))


@lru_cache(maxsize=1)
def get_learner() -> Learner:
    """Wire what learns of ended allocations."""
    return Learner(PostgresLessons(database()))
