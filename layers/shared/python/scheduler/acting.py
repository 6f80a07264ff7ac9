"""On whose behalf a request runs: set at the edge from verified claims, told to Postgres with each statement.

It is the second wall: row-level security compares rows with it, whatever a statement asks for, and what an operator
changes is written down with it. A sweep or a queue acts on nobody's behalf.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from scheduler.scoped import Scoped


@dataclass(frozen=True, slots=True)
class Acting:
    """A tenant for its users and services; or an operator, who belongs to none and sees all."""

    tenant_id: str = ""
    operator: str = ""
    route: str = ""
    correlation_id: str = ""


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def act_for(acting: Acting) -> None:
    """Go on on this behalf, until the `on_nobodys_behalf` around it ends."""
    _acting.set(acting)


def acting_for() -> Acting | None:
    """Give on whose behalf the request runs; None: nobody's."""
    return _acting.get()


def on_nobodys_behalf() -> Scoped[Acting | None]:
    """Begin without anybody, and forget at the end whoever was named within."""
    return Scoped(_acting, None)
