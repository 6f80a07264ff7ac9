"""Where quotas and plans are kept that no user service keeps."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from scheduler.domain.model import User
from scheduler.domain.plans import Plan, QuotaChange, Usage


class QuotaStore(Protocol):
    """Quotas and plans as rows."""

    def usage(self, user: User) -> Usage | None:
        """Look up what a user holds; None: nothing is known of her."""

    def plan(self, name: str) -> Plan | None:
        """Look a plan up."""

    def put_plan(self, plan: Plan) -> datetime:
        """Add a plan, or replace its limits; give when."""

    def put_quota(self, change: QuotaChange) -> datetime:
        """Give a user a quota in place of the one she has; give when."""

    def beyond_plan(self, name: str, after: User | None, limit: int) -> Sequence[User]:
        """List users of a plan who hold more than it allows, after one of them, in their order."""
