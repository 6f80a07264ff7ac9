"""Parked messages, on the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from scheduler.edge.fields import WireModel

MOST = 500
_EXAMPLE: dict[str, Any] = {"limit": 100}


class DeadLettersView(BaseModel):
    """The dead letters of one queue."""

    name: str
    waiting: int = Field(description="about how many messages lie there")


class RedriveBody(WireModel):
    """How many to send back at most."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    limit: Annotated[int, Field(ge=1, le=MOST)] = 100


class RedriveView(BaseModel):
    """What was sent back."""

    name: str
    moved: int
    left: int = Field(description="about how many still lie there: ask again for them")
