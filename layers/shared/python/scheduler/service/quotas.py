"""Look at quotas and plans, and change those that are kept here."""

import time
import uuid
from datetime import datetime

from scheduler.domain.errors import PlanNotFound, QuotaNotFound, QuotasKeptElsewhere, Unavailable, ValidationFailed
from scheduler.domain.incoming import EventMark, Family, UserQuotaUpdated
from scheduler.domain.model import User
from scheduler.domain.plans import Plan, QuotaChange, ShownQuota, Usage
from scheduler.ports import QuotaSource
from scheduler.ports.quotas import QuotaStore
from scheduler.service.standing import Standing

PAGE = 50
MOST_SECONDS = 15
"""A change of a plan that takes longer is answered as unavailable; sent again, it goes on with who is left."""
_NOTHING = Usage(0, 0, 0, 0)


class Quotas:
    """Shows what a user may have, and has."""

    def __init__(self, store: QuotaStore, quotas: QuotaSource) -> None:
        """Take the store, and where documents come from: it, or a user service."""
        self._store = store
        self._quotas = quotas

    def show(self, user: User, *, is_herself: bool) -> ShownQuota:
        """Give a user's quota and usage; one of whom nothing is known is told her own only.

        Raises:
            QuotaNotFound: Somebody else asks, and nothing is known of the user.
            QuotaServiceUnavailable: The user service cannot be read.
        """
        usage = self._store.usage(user)
        if usage is None and not is_herself:
            raise QuotaNotFound
        return ShownQuota(user, self._quotas.document(user), usage or _NOTHING)


class QuotaChanges:
    """Writes first; then claims obey, caches forget, and what exceeds is ended, as when an event tells of it."""

    def __init__(self, store: QuotaStore, quotas: QuotaSource, standing: Standing, *, kept_here: bool) -> None:
        """Take the store, its documents, and what ends the excess; `kept_here`: no user service keeps quotas."""
        self._store = store
        self._quotas = quotas
        self._standing = standing
        self._kept_here = kept_here

    def change(self, wish: QuotaChange) -> ShownQuota:
        """Give a user a quota, and end what exceeds it, the oldest first.

        Raises:
            QuotasKeptElsewhere: A user service keeps them.
            ValidationFailed: There is no such plan.
            Unavailable: The database is away, or more is left to end; send it again.
        """
        self._must_be_kept_here()
        if wish.plan_name is not None and self._store.plan(wish.plan_name) is None:
            raise ValidationFailed(members={"errors": [{"field": "planName", "detail": "there is no such plan"}]})
        self._hold_to_limits(wish.user, self._store.put_quota(wish))
        return ShownQuota(wish.user, self._quotas.document(wish.user), self._store.usage(wish.user) or _NOTHING)

    def plan(self, name: str) -> Plan:
        """Give a plan.

        Raises:
            PlanNotFound: There is none of this name.
        """
        found = self._store.plan(name)
        if found is None:
            raise PlanNotFound
        return found

    def change_plan(self, plan: Plan) -> Plan:
        """Add a plan or replace its limits, and end what its users hold beyond them.

        Raises:
            QuotasKeptElsewhere: A user service keeps them.
            Unavailable: The database is away, or more is left to end; send it again.
        """
        self._must_be_kept_here()
        at, until = self._store.put_plan(plan), time.monotonic() + MOST_SECONDS
        last: User | None = None
        while users := self._store.beyond_plan(plan.name, last, PAGE):
            for user in users:
                if time.monotonic() > until:
                    raise Unavailable("The plan is changed, and more is left to end than one request may")
                self._hold_to_limits(user, at)
            last = users[-1]
        return plan

    def _hold_to_limits(self, user: User, at: datetime) -> None:
        limits = self._quotas.document(user).limits
        mark = EventMark(f"operator:{uuid.uuid4()}", Family.QUOTA, user.user_id, at)
        self._standing.change_limits(UserQuotaUpdated(mark, user, limits, told={}))

    def _must_be_kept_here(self) -> None:
        if not self._kept_here:
            raise QuotasKeptElsewhere
