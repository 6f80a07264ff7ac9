"""Brings the database to this version; run at each deploy, before the new code takes traffic."""

from scheduler.edge.schedule import scheduled
from scheduler.runtime import migrate_database

handler = scheduled(migrate_database)
