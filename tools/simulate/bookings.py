"""The reservations of a run: booked, cancelled, and what becomes of each."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from scheduler.domain.errors import ReservationConflict, SchedulerError
from scheduler.domain.outcome import Facts
from scheduler.domain.reservation import Booking
from tools.simulate.demand import Arrival
from tools.simulate.measures import Promises
from tools.simulate.services import Services
from tools.simulate.stage import START
from tools.simulate.watched import Seen
from tools.simulate.world import Phone


@dataclass(slots=True, eq=False)
class Promise:
    """A reservation that is pending: whose, on which device it was booked, and on which it is now."""

    wish: Arrival
    booked_on: str
    device_id: str


class Bookings:
    """Knows what is promised."""

    def __init__(self, services: Services, promises: Promises) -> None:
        """Start with nothing; `promises` counts."""
        self._services = services
        self._promises = promises
        self._pending: dict[str, Promise] = {}
        self._begun: dict[str, Promise] = {}
        """For some of them nobody comes."""
        self._on: defaultdict[str, set[str]] = defaultdict(set)
        self._down: dict[str, Phone] = {}

    @property
    def is_endangered(self) -> bool:
        """Tell whether a phone that is down is promised to somebody."""
        self._down = {name: phone for name, phone in self._down.items() if phone.is_down and self._on[name]}
        return bool(self._down)

    def book(self, wish: Arrival) -> str | None:
        """Promise a phone for the window of a wish; give the reservation's id. None: it is refused."""
        self._promises.count("asked", wish.plan)
        start = START + timedelta(seconds=wish.wanted_at)
        try:
            (booked,) = self._services.reserver.book(Booking(wish.user, (start,), wish.minutes, wish.wants))
        except ReservationConflict:
            self._promises.count("found nothing", wish.plan)
            return None
        except SchedulerError:
            self._promises.count("refused", wish.plan)
            return None
        self._promises.count("booked", wish.plan)
        self._pending[booked.id] = Promise(wish, booked.device_id, booked.device_id)
        self._on[booked.device_id].add(booked.id)
        return booked.id

    def waits(self, reservation_id: str) -> bool:
        """Tell whether one is still pending."""
        return reservation_id in self._pending

    def cancel(self, reservation_id: str) -> bool:
        """Cancel one, if it is still pending."""
        if reservation_id not in self._pending:
            return False
        self._services.reserver.cancel(reservation_id, None, None, None)
        self._promises.count("cancelled", self._take(reservation_id).wish.plan)
        return True

    def fear_for(self, phone: Phone) -> None:
        """See that a phone is down."""
        self._down[phone.id] = phone

    def meet(self, seen: Seen) -> Iterator[tuple[Arrival, Facts]]:
        """See what became of some; give those that began, with the facts of their grants."""
        for reservation_id, device_id in seen.moved:
            promise = self._pending[reservation_id]
            self._on[promise.device_id].discard(reservation_id)
            self._on[device_id].add(reservation_id)
            promise.device_id = device_id
        for reservation_id, fate in seen.broken:
            promise = self._begun.pop(reservation_id) if fate == "unclaimed" else self._take(reservation_id)
            self._promises.count(fate, promise.wish.plan)
        for facts in seen.begun:
            promise = self._begun[facts["reservationId"]] = self._take(facts["reservationId"])
            self._promises.count("begun", promise.wish.plan)
            if facts["deviceId"] != promise.booked_on:
                self._promises.count("moved", promise.wish.plan)
            yield promise.wish, facts

    def _take(self, reservation_id: str) -> Promise:
        promise = self._pending.pop(reservation_id)
        self._on[promise.device_id].discard(reservation_id)
        return promise
