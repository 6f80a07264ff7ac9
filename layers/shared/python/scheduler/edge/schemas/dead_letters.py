"""Parked messages, on the wire."""

from typing import Annotated, Any

from msgspec import Meta

from scheduler.edge.fields import View, WireModel

MOST = 500
_EXAMPLE: dict[str, Any] = {"limit": 100}


class DeadLettersView(View):
    """The dead letters of one queue."""

    name: str
    waiting: Annotated[int, Meta(description="about how many messages lie there")]


class RedriveBody(WireModel):
    """How many to send back at most."""

    EXAMPLES = (_EXAMPLE,)

    limit: Annotated[int, Meta(ge=1, le=MOST)] = 100


class RedriveView(View):
    """What was sent back."""

    name: str
    moved: int
    left: Annotated[int, Meta(description="about how many still lie there: ask again for them")]
