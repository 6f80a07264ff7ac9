"""The reminders: each minute by schedule, before reservations start and before allocations end."""

from collections.abc import Mapping
from typing import Any

from scheduler.edge.schedule import scheduled
from scheduler.runtime.notices import get_warner
from scheduler.runtime.reservations import get_reservation_keeper


def remind() -> Mapping[str, Any]:
    """Do both, whatever becomes of one; the failure is raised after them."""
    try:
        reminded = get_reservation_keeper().remind_due()
    finally:
        warned = get_warner().warn()
    return {"reminded": reminded, "warned": warned}


handler = scheduled(remind)
