"""The billing service: says whether a user can pay, and is told what is billed."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from scheduler.adapters.http.circuit import OPEN_SECONDS, CircuitStore, guarded
from scheduler.adapters.http.circuit_names import BILLING_SERVICE, BILLING_SERVICE_METERING
from scheduler.adapters.http.neighbour import Call, Neighbour, json_object, path_segment
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.session import ServiceFailed
from scheduler.adapters.http.telling import Telling
from scheduler.domain.billing import UsageRecord
from scheduler.domain.errors import Unavailable
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts
from scheduler.ports import Meter

BALANCE_PATIENCE = Patience(tries=2, seconds_a_try=1.2, seconds=2.0, first_pause_seconds=0.1)
TELL_PATIENCE = Patience(tries=4, seconds_a_try=5.0, seconds=25.0, first_pause_seconds=0.5)
LEAST_BALANCE_SECONDS = 0.3
"""With less, as others of a batch may leave, a failure would say more about us than about the service."""
MOST_AT_ONCE = 10
BELIEVED_SECONDS = 30.0
MOST_BELIEVED = 10_000

_POOR: Facts = {"outcome": "insufficient_balance"}
_UNKNOWN: Facts = {"outcome": "balance_unavailable"}

logger = logging.getLogger(__name__)


class BillingBalances:
    """Asks for balances; the port's `BalanceSource`. Only that one suffices is believed for a while."""

    def __init__(
        self,
        service: Neighbour,
        breaker: CircuitStore,
        meter: Meter,
        *,
        allow_on_error: bool = True,
        circuit: str = BILLING_SERVICE,
        patience: Patience = BALANCE_PATIENCE,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the service, and whether to allow when it cannot be asked."""
        self._service = service
        self._meter = meter
        self._allow_on_error = allow_on_error
        self._patience = patience
        self._now = now
        self._guarded_read = guarded(self._read, circuit, breaker, meter)
        self._believed_until: dict[User, float] = {}

    def refusals(self, users: Collection[User]) -> Mapping[User, Facts]:
        """Ask for those whose balance is not known, at most ten at once, all within 2 s."""
        asked = [user for user in dict.fromkeys(users) if self._believed_until.get(user, 0.0) <= self._now()]
        if len(asked) <= 1:
            found = [self._refusal(user, self._patience) for user in asked]
        else:
            ends_at = time.monotonic() + self._patience.seconds
            with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
                found = list(
                    pool.map(lambda user: self._refusal(user, self._patience.within(ends_at - time.monotonic())), asked)
                )
        return {user: refusal for user, refusal in zip(asked, found, strict=True) if refusal}

    def _refusal(self, user: User, patience: Patience) -> Facts | None:
        try:
            if patience.seconds < LEAST_BALANCE_SECONDS:
                raise ServiceFailed("no time left")  # not asked, so the circuit learns nothing
            sufficient = self._guarded_read(user, patience)
            reason = "refused or unreadable"
        except ServiceFailed as failure:
            sufficient, reason = None, str(failure)
        if sufficient is None:
            return self._without_answer(user, reason)
        if not sufficient:
            return _POOR
        self._believe(user)
        return None

    def _without_answer(self, user: User, reason: str) -> Facts | None:
        names = {"tenantId": user.tenant_id, "userId": user.user_id}
        if not self._allow_on_error:
            logger.warning("balance not read", extra={**names, "reason": reason})
            return _UNKNOWN
        self._meter.count("BalanceDegraded")
        logger.warning("degraded", extra={"part": "billing-service", "reason": reason, **names})
        return None

    def _believe(self, user: User) -> None:
        if len(self._believed_until) >= MOST_BELIEVED:
            self._believed_until.clear()  # asking anew is always right
        self._believed_until[user] = self._now() + BELIEVED_SECONDS

    def _read(self, user: User, patience: Patience) -> bool | None:
        """Tell whether the balance suffices; None when the service will not say so of this user.

        That is no failure of the service: else one user with an odd id could open the circuit for all.
        """
        path = f"/api/internal/accounts/user/{path_segment(user.user_id)}/balance"
        answer = self._service.ask(user.tenant_id, Call("GET", path), patience)
        if answer.status // 100 == 4:
            return None
        try:
            sufficient = json_object(answer.body).get("sufficient")
        except ValueError:
            raise ServiceFailed("not a balance") from None
        return sufficient if isinstance(sufficient, bool) else None


class BillingMetering:
    """Tells what is billed; the port's `Metering`."""

    def __init__(
        self,
        service: Neighbour,
        breaker: CircuitStore,
        meter: Meter,
        *,
        seconds_left: Callable[[], float] = lambda: TELL_PATIENCE.seconds,
        circuit: str = BILLING_SERVICE_METERING,
        patience: Patience = TELL_PATIENCE,
    ) -> None:
        """Take what tells how many seconds the running function may still spend."""
        self._telling = Telling(service.ask, circuit, breaker, meter, patience, seconds_left)

    def tell(self, record: UsageRecord) -> None:
        """Tell one record; the service applies a key once.

        Raises:
            Unavailable: The service was not reached, refused, or did not acknowledge in its own words; tell it again.
        """
        headers = {"Idempotency-Key": record.key}
        call = Call("POST", "/api/internal/metering/device-usage", headers, _document(record))
        trouble = self._telling.trouble(record.user.tenant_id, call)
        if trouble is not None:
            names = {"tenantId": record.user.tenant_id, "userId": record.user.user_id}
            logger.warning("record not told", extra={**names, "recordId": record.key, "reason": trouble})
            raise Unavailable("The usage record could not be told.", retry_after_seconds=OPEN_SECONDS)


def _document(record: UsageRecord) -> Mapping[str, Any]:
    return {
        "recordId": record.key,
        "allocationId": record.allocation_id,
        "segment": record.segment,
        "kind": record.kind,
        "deviceId": record.device_id,
        "deviceName": record.device_name,
        "userId": record.user.user_id,
        "tenantId": record.user.tenant_id,
        "deviceConfig": {
            "cpuCores": record.cpu_cores,
            "memoryMB": record.memory_mb,
            "storageMB": record.storage_mb,
        },
        "duration": record.billed_seconds,
        "startTime": _wire_time(record.started_at),
        "endTime": _wire_time(record.ended_at),
    }


def _wire_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
