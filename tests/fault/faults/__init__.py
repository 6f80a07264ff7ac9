"""The faults that must be survived, one class each: what breaks, where, and what must come out."""

from tests.fault.faults.kills import DeadRelays, Freezes, Kills
from tests.fault.faults.lost_replies import LostReplies
from tests.fault.faults.messages import Redeliveries, UnwellTopic
from tests.fault.faults.postgres_outages import Restarts, Terminations
from tests.fault.faults.promises import BookingRaces, Dispatches, Mixture, PromiseKills, RenewalRaces
from tests.fault.faults.redis_faults import RedisFaults
from tests.fault.faults.schedules import OneRow, Schedules, WrongClocks
from tests.fault.faults.secrets import Rotations
from tests.fault.faults.timeouts import Timeouts
from tests.fault.faults.user_service_moods import UnwellUserService
from tests.fault.run import Fault

FAULTS: tuple[Fault, ...] = (
    Kills(),
    Freezes(),
    LostReplies(),
    Restarts(),
    Terminations(),
    RedisFaults(),
    WrongClocks(),
    Schedules(),
    DeadRelays(),
    UnwellTopic(),
    Redeliveries(),
    UnwellUserService(),
    OneRow(),
    Timeouts(),
    Rotations(),
    PromiseKills(),
    RenewalRaces(),
    BookingRaces(),
    Dispatches(),
    Mixture(),
)
"""In the order of the table."""
