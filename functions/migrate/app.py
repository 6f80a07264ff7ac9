"""Brings the database to this version; invoked once after each deployment."""

from scheduler.edge.schedule import scheduled
from scheduler.runtime.migration import migrate_database

handler = scheduled(migrate_database)
