"""Users with phones."""

from dataclasses import dataclass

from tools.simulate.demand import HOUR, Arrival
from tools.simulate.history import Ended
from tools.simulate.world import Phone


@dataclass(slots=True)
class Grant:
    """What was lent to whom, in the order of lending: what two stages are compared by."""

    at: float
    user_id: str
    device_id: str


@dataclass(slots=True, eq=False)
class Session:
    """A user with a phone."""

    arrival: Arrival
    phone: Phone
    allocation_id: str
    began: float
    load: float
    """Of its host, as the phone last told."""
    start_seconds: float

    def ended(self, at: float, seconds: int) -> Ended:
        """Tell how it ended, for who learns from it."""
        phone, wish = self.phone, self.arrival
        return Ended(
            at=at,
            device=phone.id,
            host=str(phone.host.number),
            kind=phone.model,
            tenant=wish.user.tenant_id,
            user=wish.user.user_id,
            minutes=wish.minutes,
            hours=seconds / HOUR,
            failed=phone.is_down,
            load=self.load,
            start_seconds=self.start_seconds,
        )
