"""The daily cleanup: what is older than its retention goes."""

from dataclasses import asdict

from scheduler.edge.schedule import scheduled
from scheduler.runtime import get_cleaner

handler = scheduled(lambda: asdict(get_cleaner().clean()))
