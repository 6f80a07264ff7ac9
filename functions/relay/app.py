"""The relay: outbox to SNS, started each minute and working through it."""

from scheduler.edge.schedule import scheduled
from scheduler.runtime import get_relay
from scheduler.settings import settings

handler = scheduled(lambda: {"published": get_relay().run(settings().relay_seconds)})
