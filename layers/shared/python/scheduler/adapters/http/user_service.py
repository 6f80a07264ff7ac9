"""The user service: gives a user's quota, and is told what she uses."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from scheduler.adapters.http.circuit import OPEN_SECONDS, CircuitStore, guarded
from scheduler.adapters.http.circuit_names import USER_SERVICE, USER_SERVICE_USAGE
from scheduler.adapters.http.neighbour import Call, Neighbour, json_object, path_segment
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.session import Answer, ServiceFailed
from scheduler.adapters.http.telling import Telling
from scheduler.domain.errors import QuotaServiceUnavailable, Unavailable
from scheduler.domain.model import User
from scheduler.domain.quota import NO_DOCUMENT, QuotaDocument, parse_document
from scheduler.ports import Meter

READ_PATIENCE = Patience(tries=3, seconds_a_try=2.0, seconds=5.0, first_pause_seconds=0.1)
REPORT_PATIENCE = Patience(tries=4, seconds_a_try=5.0, seconds=25.0, first_pause_seconds=0.5)
LEAST_READ_SECONDS = 0.5
"""With less, as others of a batch may leave, a failure would say more about us than about the service."""
MOST_AT_ONCE = 10

logger = logging.getLogger(__name__)


class UserService:
    """The part of its internal API that is about a user."""

    def __init__(
        self,
        url: str,
        secret: Callable[[], str],
        forget_secret: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the base URL, late the secret that service tokens are signed with, and what makes that read anew."""
        self._neighbour = Neighbour(url, secret, forget_secret, now)

    def ask(self, user: User, call: Call, patience: Patience) -> Answer:
        """Ask about a user; the path is what follows her own.

        Raises:
            ServiceFailed: No usable answer came in time. A refusal of this one call is an answer.
        """
        path = f"/api/internal/quotas/user/{path_segment(user.user_id)}{call.path}"
        return self._neighbour.ask(user.tenant_id, replace(call, path=path), patience)

    def close(self) -> None:
        """Close the kept connections."""
        self._neighbour.close()


class UserServiceQuotas:
    """Reads quotas from the user service; the port's `QuotaSource`."""

    def __init__(
        self,
        service: UserService,
        breaker: CircuitStore,
        meter: Meter,
        *,
        unknown_user: QuotaDocument,
        allow_on_error: bool = False,
        circuit: str = USER_SERVICE,
        patience: Patience = READ_PATIENCE,
    ) -> None:
        """Take what a user has whom the service does not know, and whether to allow when it cannot be asked."""
        self._service = service
        self._meter = meter
        self._unknown_user = unknown_user
        self._allow_on_error = allow_on_error
        self._patience = patience
        self._guarded_read = guarded(self._read, circuit, breaker, meter)

    def document(self, user: User) -> QuotaDocument:
        """Read the user's quota within 5 s, or fail at once while the circuit is open.

        Raises:
            QuotaServiceUnavailable: It cannot be read now, and that is not to allow.
        """
        return self._document(user, self._patience)

    def documents(self, users: Collection[User]) -> Mapping[User, QuotaDocument]:
        """Read those of several users, at most ten at once, all within 5 s; who is missing could not be read."""
        asked = list(dict.fromkeys(users))
        ends_at = time.monotonic() + self._patience.seconds

        def read(user: User) -> QuotaDocument | None:
            try:
                return self._document(user, self._patience.within(ends_at - time.monotonic()))
            except QuotaServiceUnavailable:
                return None

        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            found = zip(asked, pool.map(read, asked), strict=True)
            return {user: document for user, document in found if document is not None}

    def _document(self, user: User, patience: Patience) -> QuotaDocument:
        try:
            if patience.seconds < LEAST_READ_SECONDS:
                raise ServiceFailed("no time left")  # not asked, so the circuit learns nothing
            document = self._guarded_read(user, patience)
            reason = "refused or unreadable"
        except ServiceFailed as failure:
            document = NO_DOCUMENT if self._allow_on_error else None
            reason = str(failure)
        if document is None:
            logger.warning("quota not read", extra={**_names(user), "reason": reason})
            raise QuotaServiceUnavailable(retry_after_seconds=OPEN_SECONDS)
        if document is NO_DOCUMENT:
            self._meter.count("QuotaDegraded")
            logger.warning("degraded", extra={"part": "user-service", "reason": reason, **_names(user)})
        return document

    def _read(self, user: User, patience: Patience) -> QuotaDocument | None:
        """Give the document, or None when the service refuses to give this one, or gives one that cannot be read.

        Neither is a failure of the service: else one user with an odd id or document could open the circuit for all,
        or, where failures are to allow, be without limits.
        """
        answer = self._service.ask(user, Call("GET"), patience)
        if answer.status == 404:
            return self._unknown_user
        if answer.status // 100 == 4:
            return None
        try:
            document = json_object(answer.body)
        except (ValueError, TypeError):
            raise ServiceFailed("not a quota document") from None
        try:
            return parse_document(document)
        except (ValueError, TypeError):
            return None


class UserServiceUsage:
    """Tells usage to the user service; the port's `UsageReporter`."""

    def __init__(
        self,
        service: UserService,
        breaker: CircuitStore,
        meter: Meter,
        *,
        seconds_left: Callable[[], float] = lambda: REPORT_PATIENCE.seconds,
        circuit: str = USER_SERVICE_USAGE,
        patience: Patience = REPORT_PATIENCE,
    ) -> None:
        """Take what tells how many seconds the running function may still spend."""
        self._telling = Telling(service.ask, circuit, breaker, meter, patience, seconds_left)

    def report(self, user: User, usage: Mapping[str, Any], idempotency_key: str) -> None:
        """Tell one increment or decrement; the service applies a key once.

        Raises:
            Unavailable: The service was not reached or refused; tell it again.
        """
        call = Call("POST", "/usage", {"Idempotency-Key": idempotency_key}, usage)
        trouble = self._telling.trouble(user, call)
        if trouble is not None:
            logger.warning("usage not told", extra={**_names(user), "eventId": idempotency_key, "reason": trouble})
            raise Unavailable("The usage could not be told.", retry_after_seconds=OPEN_SECONDS)


def _names(user: User) -> Mapping[str, str]:
    return {"tenantId": user.tenant_id, "userId": user.user_id}
