"""POST /scheduler/reservations/check-conflict: could this window be had, and if not, which?"""

from typing import Annotated

from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import caller, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.reservation_views import ConflictView
from scheduler.edge.schemas.reservations import CheckConflictBody
from scheduler.runtime.reservations import get_reserver
from scheduler.service.reserver import Reserver

routes = Routes()


@routes.post("/scheduler/reservations/check-conflict", summary="Check a window", tags=["reservations"])
def check_conflict(
    body: CheckConflictBody,
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    reserver: Annotated[Reserver, Given(get_reserver)],
) -> Response[Envelope[ConflictView]]:
    """Say whether a device that fits is free for the window, what is in the way, and which windows are free next."""
    return ok(Envelope(data=ConflictView.of(reserver.check(body.to_check(who), key))))
