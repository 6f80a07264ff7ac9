"""Wires the look at parked messages."""

from functools import lru_cache

from scheduler.adapters.aws.dead_letters import Queues, SqsDeadLetters
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.redrives import PostgresRedrives
from scheduler.runtime import database
from scheduler.service.dead_letters import Redrive
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_redrive() -> Redrive:
    """Wire dead letters and their queues."""
    letters = {name: Queues(*urls) for name, urls in settings().parking.dead_letters.items()}
    return Redrive(SqsDeadLetters(letters), PostgresRedrives(database()), PostgresKeys(database()))
