"""Note that the owner of a reservation came: without a sign of her, it may be ended as a no-show."""

from scheduler.domain.model import User
from scheduler.ports.reservations import Attendances


class Attendance:
    """Every call of a user about her allocations and reservations is a sign. Costs nothing where no-shows may stay."""

    def __init__(self, store: Attendances | None) -> None:
        """Take where signs are noted; None: nobody asks for them."""
        self._store = store

    def note(self, tenant_id: str, user_id: str | None) -> None:
        """Note a sign of a user; None: a service or operator called, which is none."""
        if self._store is not None and user_id is not None:
            self._store.attend(User(tenant_id, user_id))
