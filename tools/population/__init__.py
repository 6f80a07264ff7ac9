"""Fills a migrated database with a fleet, its history and its promises, set by set: millions of rows in minutes."""

from tools.population.bulk import BULKY, session
from tools.population.fill import occupy, populate
from tools.population.size import Size, Tell, silent

__all__ = ["BULKY", "Size", "Tell", "occupy", "populate", "session", "silent"]
