"""The reminders: each minute by schedule, before reservations start."""

from scheduler.edge.schedule import scheduled
from scheduler.runtime.reservations import get_reservation_keeper

handler = scheduled(lambda: {"reminded": get_reservation_keeper().remind_due()})
