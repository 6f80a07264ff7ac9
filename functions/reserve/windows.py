"""POST /scheduler/reservations/check-conflict: could this window be had, and if not, which?"""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from scheduler.domain.model import RequestKey
from scheduler.edge.http import Envelope, caller, ok, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.reservation_views import ConflictView
from scheduler.edge.schemas.reservations import CheckConflictBody
from scheduler.runtime.reservations import get_reserver
from scheduler.service.reserver import Reserver

router = APIGatewayHttpRouter()


@router.post("/scheduler/reservations/check-conflict", summary="Check a window", tags=["reservations"])
def check_conflict(
    body: CheckConflictBody,
    who: Annotated[Caller, Depends(caller)],
    key: Annotated[RequestKey | None, Depends(request_key)],
    reserver: Annotated[Reserver, Depends(get_reserver)],
) -> Response[Envelope[ConflictView]]:
    """Say whether a device that fits is free for the window, what is in the way, and which windows are free next."""
    return ok(Envelope(data=ConflictView.of(reserver.check(body.to_check(who), key))))
