"""What can happen to the scheduler, one rule a method; after each, Postgres and the model agree on every row."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.domain.errors import SchedulerError
from scheduler.domain.events import OutboxEvent
from scheduler.domain.model import (
    AllocationFilter,
    AllocationRequest,
    AllocationStatus,
    AvailableFilter,
    DeviceWants,
    ReleaseRequest,
    RequestKey,
    User,
)
from scheduler.domain.quota import QuotaDocument, QuotaLimits
from scheduler.domain.renewal import RenewalRequest
from scheduler.service.allocator import Allocator
from scheduler.service.cleaner import Cleaner
from scheduler.service.expirer import Expirer
from scheduler.service.fleet import Fleet
from scheduler.service.relay import Relay
from scheduler.service.releaser import Releaser
from scheduler.service.renewer import Renewer
from tests.model import wishes
from tests.model.observed import expected, observed
from tests.model.world import World
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import BEYOND_THE_AUDIT, disagreements

MOST_DEVICES = 6
RETENTION_DAYS = 30
OPERATOR = "night-shift"
type Caller = tuple[str, str]
"""Tenant and name, as keys are filed under."""
OPERATOR_CALLER: Caller = ("default", "operator:night-shift")
type Call = Callable[[RequestKey | None], object]


class Lending(RuleBasedStateMachine):
    """The use cases on both stores. What can happen anew is a rule here, a call in `Twin`, its effect in the model."""

    def __init__(self, world: World) -> None:
        """Begin with nothing."""
        super().__init__()
        self.world = world
        self.twin = world.begin()
        self.model = self.twin.model
        meter = FakeMeter()
        self.allocator = Allocator(self.twin, self.twin, OpenGate(), meter)
        self.releaser = Releaser(self.twin, OpenGate(), meter)
        self.renewer = Renewer(self.twin, self.twin, OpenGate(), meter)
        self.expirer = Expirer(self.twin, self.twin, NoCache(), meter)
        self.fleet = Fleet(self.twin, NoCache())
        self.cleaner = Cleaner(self.twin, self.twin, meter, RETENTION_DAYS)
        self.relay = Relay(self.twin, self, meter)
        self.failing_group: str | None = None
        self.asked: list[tuple[RequestKey, Call]] = []
        self.deleted = False

    @initialize(sizes=st.lists(wishes.sizes, min_size=2, max_size=3))
    def there_is_a_fleet(self, sizes: list[tuple[int, int, int]]) -> None:
        devices = [wishes.device(number, size, "android-14", None) for number, size in enumerate(sizes)]
        self.fleet.register(devices, None, by=OPERATOR)

    @rule(count=st.integers(1, 2), size=wishes.sizes, kind=wishes.kinds, pool=wishes.pools, key=wishes.keys)
    def add_devices(self, count: int, size: tuple[int, int, int], kind: str, pool: str | None, key: str | None) -> None:
        first = min(len(self.model.devices), MOST_DEVICES)  # once there are enough, the ids are taken
        devices = [wishes.device(number, size, kind, pool) for number in range(first, first + count)]
        self._ask("devices", OPERATOR_CALLER, key, devices, lambda key: self.fleet.register(devices, key, by=OPERATOR))

    @rule(user=wishes.users, minutes=wishes.minutes)
    def allocate_any(self, user: User, minutes: int) -> None:
        self._attempt(lambda _: self.allocator.allocate(AllocationRequest(user, minutes)), None)

    @rule(user=wishes.users, minutes=wishes.minutes, wants=wishes.wants, key=wishes.keys)
    def allocate(self, user: User, minutes: int, wants: DeviceWants, key: str | None) -> None:
        wish = AllocationRequest(user, minutes, wants)
        caller = (user.tenant_id, f"user:{user.user_id}")
        self._ask("allocate", caller, key, wish, lambda key: self.allocator.allocate(replace(wish, key=key)))

    @precondition(lambda self: self.model.allocations)
    @rule(
        which=wishes.numbers,
        active=st.sampled_from([True, True, True, False]),
        by=wishes.callers,
        named=st.booleans(),
        fence=st.sampled_from([None, None, 0, -1, 1]),
        key=wishes.keys,
    )
    def release(self, which: int, active: bool, by: str, named: bool, fence: int | None, key: str | None) -> None:
        choice = self.model.active if active and self.model.active else self.model.allocations
        allocation = choice[which % len(choice)]
        tenant_id, user_id, caller = _acting(by, allocation.user)
        token = None if fence is None else allocation.fencing_token + fence
        wish = ReleaseRequest(tenant_id, user_id, allocation.device.id, allocation.id if named else None, token)
        self._ask("release", caller, key, wish, lambda key: self.releaser.release(replace(wish, key=key)))

    @precondition(lambda self: self.model.allocations)
    @rule(
        which=wishes.numbers,
        live=st.sampled_from([True, True, False]),
        by=wishes.callers,
        minutes=wishes.renewals,
        again=st.booleans(),
        key=wishes.keys,
    )
    def renew(self, which: int, live: bool, by: str, minutes: int, again: bool, key: str | None) -> None:
        """Look ahead, then renew; now and then once more at once."""
        not_due = [a for a in self.model.active if a.expires_at > self.model.now]
        choice = not_due if live and not_due else self.model.allocations
        allocation = choice[which % len(choice)]
        tenant_id, user_id, caller = _acting(by, allocation.user)
        self._attempt(lambda _: self.renewer.outlook(allocation.id, tenant_id, user_id), None)
        wish = RenewalRequest(tenant_id, user_id, allocation.id, minutes)
        self._ask("renew", caller, key, wish, lambda key: self.renewer.renew(replace(wish, key=key)))
        if again:
            self._attempt(lambda _: self.renewer.renew(wish), None)

    @precondition(lambda self: self.asked)
    @rule(which=wishes.numbers, as_before=st.booleans())
    def repeat(self, which: int, as_before: bool) -> None:
        """Send a request again under its key, as it was or with another body."""
        key, call = self.asked[which % len(self.asked)]
        self._attempt(call, key if as_before else replace(key, body_hash="another"))

    @rule(key=wishes.keys)
    def expire(self, key: str | None) -> None:
        self._ask("release-expired", ("acme", "service:shop"), key, None, self.expirer.expire_on_request)

    @rule(span=wishes.short_spans)
    def time_passes(self, span: timedelta) -> None:
        self.world.advance(self.twin, span)

    @rule(span=wishes.long_spans, swept=st.booleans())
    def days_pass(self, span: timedelta, swept: bool) -> None:
        """Let what is old grow older; a sweep may have come by before the cleanup, or not."""
        self.world.advance(self.twin, span)
        if swept:
            self.expirer.expire()
            self.clean()

    @precondition(lambda self: self.model.active)
    @rule(which=wishes.numbers, early=st.booleans(), swept=st.booleans())
    def time_passes_until_one_is_due(self, which: int, early: bool, swept: bool) -> None:
        """Stop at the very instant, or just before; a sweep may come by, or not."""
        active = self.model.active
        wait = active[which % len(active)].expires_at - self.model.now - (wishes.TINY if early else timedelta())
        self.world.advance(self.twin, max(wait, timedelta()))
        if swept:
            self.expirer.expire()

    @rule(which=wishes.numbers, changes=wishes.changes)
    def change_device(self, which: int, changes: dict[str, Any]) -> None:
        number = which % (len(self.model.devices) + 1)  # the last there is not
        with suppress(SchedulerError):
            self.fleet.change(f"phone-{number}", changes, by=OPERATOR)

    @precondition(lambda self: self.model.active)
    @rule(which=wishes.numbers, size=wishes.sizes)
    def change_the_size_of_a_device_that_is_lent(self, which: int, size: tuple[int, int, int]) -> None:
        active = self.model.active
        self.fleet.change(active[which % len(active)].device.id, wishes.resized(size), by=OPERATOR)

    @rule(
        user=wishes.users,
        limits=wishes.limits,
        status=st.sampled_from(["active", "active", "active", "exceeded", "suspended"]),
        valid_for=st.sampled_from([None, None, None, timedelta(minutes=5)]),
    )
    def change_plan(self, user: User, limits: QuotaLimits, status: str, valid_for: timedelta | None) -> None:
        until = None if valid_for is None else self.model.now + valid_for
        plan = f"{user.tenant_id} {user.user_id}"
        self.world.set_quota(self.twin, user, QuotaDocument(status, until, plan, limits))

    @rule(failing=wishes.numbers)
    def publish_events(self, failing: int) -> None:
        """Relay what waits; now and then one group fails."""
        self.failing_group = f"phone-{failing}"
        self.relay.relay_once()

    @rule()
    def clean(self) -> None:
        cleaned = self.cleaner.clean()
        self.deleted = self.deleted or cleaned.allocations + cleaned.spent > 0

    @rule(
        tenant_id=wishes.tenants,
        user=wishes.users,
        status=st.sampled_from([None, *AllocationStatus]),
        limit=st.integers(1, 3),
    )
    def read(self, tenant_id: str | None, user: User, status: AllocationStatus | None, limit: int) -> None:
        """List and count what is there."""
        self.twin.totals(tenant_id)
        self.twin.page(AllocationFilter(tenant_id, status=status, limit=limit))
        self.twin.page(AllocationFilter(user.tenant_id, user.user_id, limit=limit))
        self.twin.page(AllocationFilter(tenant_id, device_id="phone-0", limit=limit))
        self.twin.available(AvailableFilter(tenant_id, min_cpu=4, after_id="phone-0", limit=limit))

    @invariant()
    def rows_are_as_the_model_has_them(self) -> None:
        rows = observed(self.world.database)
        assert rows == expected(self.model)

    @invariant()
    def what_is_free_is_listed(self) -> None:
        self.twin.available(AvailableFilter(None))

    def teardown(self) -> None:
        """Ask the audit too, and what only holds until the cleanup has deleted something."""
        untold = set(BEYOND_THE_AUDIT) if self.deleted else set()
        found = disagreements(self.world.database)
        assert {what: rows for what, rows in found.items() if what not in untold} == {}
        self.world.end()

    def publish(self, events: Sequence[OutboxEvent]) -> Collection[int]:
        """Take events as the topic does, without those of a group that fails."""
        return [event.position for event in events if event.group_id != self.failing_group]

    def _ask(self, route: str, caller: Caller, name: str | None, wish: object, call: Call) -> None:
        if name is None:
            self._attempt(call, None)
        else:
            body_hash = hashlib.sha256(repr(wish).encode()).hexdigest()
            key = RequestKey(*caller, route, name, body_hash)
            self.asked.append((key, call))
            self._attempt(call, key)

    def _attempt(self, call: Call, key: RequestKey | None) -> None:
        with suppress(SchedulerError):  # a refusal is an answer; both stores told the same
            call(key)


def _acting(by: str, holder: User) -> tuple[str | None, str | None, Caller]:
    """Give the tenant and user that are meant (None: any), and whose key the request comes with."""
    tenant_id, user_id = holder.tenant_id, holder.user_id
    return {
        "holder": (tenant_id, user_id, (tenant_id, f"user:{user_id}")),
        "service": (tenant_id, None, (tenant_id, "service:shop")),
        "operator": (None, None, OPERATOR_CALLER),
        "another user": (tenant_id, "mallory", (tenant_id, "user:mallory")),
        "another tenant": ("initech", user_id, ("initech", f"user:{user_id}")),
    }[by]
