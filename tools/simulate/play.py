"""Plays a run: one event after the other, each answered by the production services before the clock jumps on."""

import heapq
import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from random import Random

from scheduler.domain.errors import NoAvailableDevices, SchedulerError
from scheduler.domain.model import AllocationRequest, ReleaseRequest
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import QueueRequest
from scheduler.domain.renewal import RenewalRequest
from tools.simulate.bookings import Bookings
from tools.simulate.demand import HOUR, MINUTE, Arrival, plans
from tools.simulate.measures import Measures
from tools.simulate.placement import Placement
from tools.simulate.services import HOLD_MINUTES, NO_SHOW_MINUTES, Services
from tools.simulate.sessions import Grant, Session
from tools.simulate.stage import Stage
from tools.simulate.world import LOAD_SECONDS, Phone, World

OPERATOR = "simulator"
RENEWS_BEFORE_END = 5 * MINUTE
NUDGE_SECONDS = 2.0
"""After which a release has gone through outbox, relay and queue to dispatch."""
DUE_SECONDS = 0.2
"""Dispatch looks so long after something falls due."""
TELL_EVERY = 500
REGISTERED_AT_ONCE = 1000

type Act = Callable[[], None]


class Play:
    """One run: a world and its demand on a stage, under a strategy."""

    def __init__(self, stage: Stage, world: World, wishes: Sequence[Arrival], placement: Placement, seed: int) -> None:
        """Register the fleet."""
        self.grants: list[Grant] = []
        self.measures = Measures(world, max(wishes[-1].at, HOUR) if wishes else HOUR)
        self._stage, self._world, self._wishes, self._placement = stage, world, wishes, placement
        self._services = Services(stage, reserves=any(wish.ahead for wish in wishes))
        self._bookings = Bookings(self._services, self.measures.promises)
        self._now, self._order = 0.0, count()
        self._is_nudged = False
        self._events: list[tuple[float, int, Act]] = []
        self._minutes: set[float] = set()
        self._sessions: dict[str, Session] = {}
        self._waiting: dict[str, tuple[Arrival, float]] = {}
        self._draw = Random(f"{seed} again")
        if (judge := placement.judge) is not None:
            judge.meet(plans(wishes))
            stage.weigh(lambda user, minutes, few: judge.prefer(user, minutes, few, self._now))
        phones = list(world.phones.values())
        for first in range(0, len(phones), REGISTERED_AT_ONCE):
            batch = [phone.columns for phone in phones[first : first + REGISTERED_AT_ONCE]]
            self._services.fleet.register(batch, None, by=OPERATOR)
        self._rescore(phones)

    def play(self, tell: Callable[[float], None] = lambda _: None) -> Measures:
        """Play until nothing is left to happen; `tell` hears now and then what share of the wishes has come."""
        for number, wish in enumerate(self._wishes):
            self._play_until(wish.at)
            self._go_to(wish.at)
            self._arrive(wish)
            if number % TELL_EVERY == 0:
                tell(number / len(self._wishes))
        self._play_until(math.inf)
        tell(1.0)
        return self.measures

    def _play_until(self, end: float) -> None:
        while True:
            beat = (int(self._now / LOAD_SECONDS) + 1) * LOAD_SECONDS
            at = self._events[0][0] if self._events else math.inf
            if self._placement.follows_time and beat <= min(at, end) and beat < math.inf:
                if at == end == math.inf:
                    return
                self._go_to(beat)
                self._hear_hosts()
            elif at <= end and at < math.inf:
                _, _, act = heapq.heappop(self._events)
                self._go_to(at)
                act()
            else:
                return

    def _go_to(self, at: float) -> None:
        if at > self._now:
            self._now = at
            self._stage.go_to(at)

    def _at(self, at: float, act: Act) -> None:
        heapq.heappush(self._events, (at, next(self._order), act))

    def _at_next_minute(self, at: float) -> None:
        """The schedules run each minute; minutes in which they have nothing to do are left out."""
        minute = (int(at / MINUTE) + 1) * MINUTE
        if minute not in self._minutes:
            self._minutes.add(minute)
            self._at(minute, partial(self._sweep, minute))

    def _arrive(self, wish: Arrival) -> None:
        if wish.ahead is None:
            self._ask(wish)
        elif reservation := self._bookings.book(wish):
            self._at(wish.wanted_at + DUE_SECONDS, partial(self._serve_at_start, reservation))
            self._at_next_minute(wish.wanted_at)
            if wish.ahead.cancels_after is not None:
                self._at(self._now + wish.ahead.cancels_after, partial(self._cancel, reservation))

    def _serve_at_start(self, reservation: str) -> None:
        if self._bookings.waits(reservation):
            self._dispatch()

    def _cancel(self, reservation: str) -> None:
        if self._bookings.cancel(reservation):
            self._nudge_soon()

    def _ask(self, wish: Arrival) -> None:
        counts = self.measures.counts
        counts["asked"] += 1
        request = AllocationRequest(wish.user, wish.minutes, wish.wants, waits=True)
        try:
            grant = self._services.allocator.allocate(request)
        except NoAvailableDevices:
            self.measures.find_nothing()
            self._meet()
            self._join(wish)
        except SchedulerError as refusal:
            counts[refusal.code] += 1
        else:
            self._meet()
            counts["lent at once"] += 1
            self._begin(wish, grant.id, grant.device_id, 0.0)

    def _join(self, wish: Arrival) -> None:
        try:
            request = QueueRequest(wish.user, wish.minutes, wish.max_wait_minutes, wish.wants)
            wait = self._services.queue.join(request)
        except SchedulerError as refusal:
            self.measures.counts[refusal.code] += 1
            return
        self.measures.counts["joined"] += 1
        self._waiting[wait.entry.id] = wish, self._now
        self._at_next_minute(self._now + wish.max_wait_minutes * MINUTE)
        self._at_next_minute(self._now + HOLD_MINUTES * MINUTE)
        if wish.leaves_after is not None:
            self._at(self._now + wish.leaves_after, partial(self._leave, wait.entry.id))
        self._meet()

    def _leave(self, entry_id: str) -> None:
        if entry_id in self._waiting:
            self._services.queue.cancel(entry_id, None, None, None)
            del self._waiting[entry_id]
            self.measures.counts["left the line"] += 1

    def _begin(self, wish: Arrival, allocation_id: str, device_id: str, waited: float | None) -> None:
        """Lend a phone; `waited` None: it was reserved."""
        phone, now = self._world.phones[device_id], self._now
        self.grants.append(Grant(now, wish.user.user_id, device_id))
        phone.lent_at = now
        start = self._world.start_seconds(phone, now)
        self.measures.lend(wish.plan, waited, start)
        session = self._sessions[allocation_id] = Session(wish, phone, allocation_id, now, phone.cpu_usage / 100, start)
        if self._placement.judge:
            self._placement.judge.lend(phone, wish.user, wish.minutes, now)
        begins = now if wish.ahead is None else wish.wanted_at
        end, renewed = begins + wish.minutes * MINUTE, wish.renew_minutes * MINUTE
        fails = now + wish.luck / self._world.failures_an_hour(phone, now) * HOUR
        leaves = now + wish.use_seconds
        if fails < min(leaves, end + renewed):
            self._at(fails, partial(self._fail, session))
        elif leaves < end:
            self._at(leaves, partial(self._give_back, session))
        if renewed:
            self._at(end - RENEWS_BEFORE_END, partial(self._renew, session))
            self._end_at(end + renewed)
        self._end_at(end)

    def _end_at(self, end: float) -> None:
        self._at(end + DUE_SECONDS, self._serve_at_end)
        self._at_next_minute(end)

    def _serve_at_end(self) -> None:
        """Dispatch works to the second while anybody waits; else the sweep of the next minute ends what is over."""
        if self._waiting:
            self._dispatch()

    def _give_back(self, session: Session) -> None:
        if session.allocation_id in self._sessions:
            release = ReleaseRequest(None, None, session.phone.id, session.allocation_id)
            self._services.releaser.release(release)
            self._meet()
            self._nudge_soon()

    def _renew(self, session: Session) -> None:
        if session.allocation_id in self._sessions:
            asked = RenewalRequest(None, None, session.allocation_id, session.arrival.renew_minutes)
            try:
                self._services.renewer.renew(asked)
                self.measures.counts["renewed"] += 1
            except SchedulerError as refusal:
                self.measures.counts[refusal.code] += 1

    def _fail(self, session: Session) -> None:
        """The phone dies in her hands: it goes to be repaired, she gives it back and asks for another one."""
        phone, wish = session.phone, session.arrival
        if session.allocation_id not in self._sessions:
            return
        self.measures.counts["failures"] += 1
        phone.failed_at.append(self._now)
        phone.is_down = True
        self._bookings.fear_for(phone)
        self._services.fleet.change(phone.id, {"status": "error"}, by=OPERATOR)
        self.measures.break_down(is_over=False)
        self._at(self._now + self._world.options.repair_minutes * MINUTE, partial(self._repair, phone))
        if self._bookings.is_endangered:
            self._at_next_minute(self._now)
        self._give_back(session)
        if wish.comes_again:
            self.measures.counts["came again"] += 1
            self._arrive(wish.again(self._now, self._now - session.began, self._draw))

    def _repair(self, phone: Phone) -> None:
        self._services.fleet.change(phone.id, {"status": "running"}, by=OPERATOR)
        phone.is_down = False
        self.measures.break_down(is_over=True)
        self._rescore([phone])
        self._nudge_soon()

    def _sweep(self, minute: float) -> None:
        self._minutes.discard(minute)
        self._services.expirer.expire()
        self._meet()
        if self._waiting or self._services.reserves:
            self._dispatch()
        if self._bookings.is_endangered:
            self._at_next_minute(self._now)

    def _nudge_soon(self) -> None:
        """Have the line served when dispatch has heard of what frees a device; for nobody when nobody waits."""
        if self._waiting and not self._is_nudged:
            self._is_nudged = True
            self._at(self._now + NUDGE_SECONDS, self._dispatch)

    def _dispatch(self) -> None:
        self._is_nudged = False
        self._services.dispatcher.nudge()
        self._meet()

    def _meet(self) -> None:
        """See what the services did: ends first, since they come before what is lent anew, then what was reserved."""
        seen = self._services.seen.take()
        for allocation_id, device_id, seconds in seen.ended:
            self._end(allocation_id, device_id, seconds)
        for wait in seen.in_vain:
            if self._waiting.pop(wait.id, None):
                self.measures.counts["waited in vain"] += 1
        for wish, facts in self._bookings.meet(seen):
            self._begin_reserved(wish, facts["allocationId"], facts["deviceId"])
        for facts in seen.served:
            self._meet_served(facts)

    def _begin_reserved(self, wish: Arrival, allocation_id: str, device_id: str) -> None:
        self._begin(wish, allocation_id, device_id, None)
        if wish.ahead is None or wish.ahead.comes_after is None:
            self._at_next_minute(self._now + NO_SHOW_MINUTES * MINUTE)
        else:
            self._at(self._now + wish.ahead.comes_after, partial(self._come, wish, allocation_id))

    def _come(self, wish: Arrival, allocation_id: str) -> None:
        if allocation_id in self._sessions:
            self._services.attendance.note(wish.user.tenant_id, wish.user.user_id)

    def _meet_served(self, facts: Facts) -> None:
        wish, since = self._waiting.pop(facts["entryId"])
        self._begin(wish, facts["allocationId"], facts["deviceId"], self._now - since)

    def _end(self, allocation_id: str, device_id: str, seconds: int) -> None:
        session, phone = self._sessions.pop(allocation_id), self._world.phones[device_id]
        self.measures.take_back(session.began, seconds)
        if self._placement.judge:
            self._placement.judge.end(session.ended(self._now, seconds))
        self._world.use(phone, seconds)
        if not phone.is_down:
            self._rescore([phone])

    def _hear_hosts(self) -> None:
        for phone in self._world.phones.values():
            self._world.observe(phone, self._now)
        self._rescore(list(self._world.phones.values()))

    def _rescore(self, phones: Sequence[Phone]) -> None:
        score, now = self._placement.score, self._now
        self._stage.score({phone.id: score(phone, now) for phone in phones})
