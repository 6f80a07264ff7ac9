"""Wires the choice of the placement strategy."""

from functools import lru_cache

from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.runtime import meter
from scheduler.runtime.connection import database
from scheduler.service.appraiser import Appraiser
from scheduler.service.learner import Learner
from scheduler.service.placement import Placement


@lru_cache(maxsize=1)
def get_placement() -> Placement:
    """Wire GET and PUT /strategy, and the rescoring."""
    return Placement(PostgresStrategy(database()), get_appraiser())


@lru_cache(maxsize=1)
def get_appraiser() -> Appraiser:
    """Wire what looks after the learned strategy."""
    return Appraiser(PostgresStrategy(database()), PostgresLessons(database()), meter())


@lru_cache(maxsize=1)
def get_learner() -> Learner:
    """Wire what learns of ended allocations."""
    return Learner(PostgresLessons(database()))
