"""Who may call which route: one table, asked by the edge before anything of a request is read.

A route that is not in it is no route: what was forgotten here stays shut. Whose rows a caller sees is another question,
which the use cases answer by tenant and user.
"""

from enum import StrEnum

from scheduler.domain.errors import Forbidden, RouteNotFound
from scheduler.domain.model import Role


class Access(StrEnum):
    """The least that a caller must be."""

    ANYONE = "anyone"
    USER = "user"
    SERVICE = "service"
    OPERATOR = "operator"


ROLES: dict[Access, frozenset[Role]] = {
    Access.USER: frozenset(Role),
    Access.SERVICE: frozenset({Role.SERVICE, Role.OPERATOR}),
    Access.OPERATOR: frozenset({Role.OPERATOR}),
}
"""Who has each right. An operator has the service's; a valid token without a scope is a user's."""

ROUTES: dict[str, Access] = {
    "GET /scheduler/allocations": Access.USER,
    "POST /scheduler/allocations/batch": Access.SERVICE,
    "POST /scheduler/allocations/batch/query": Access.SERVICE,
    "POST /scheduler/allocations/batch/release": Access.SERVICE,
    "POST /scheduler/allocations/batch/renew": Access.SERVICE,
    "GET /scheduler/allocations/explain": Access.SERVICE,
    "POST /scheduler/allocations/release-expired": Access.SERVICE,
    "GET /scheduler/allocations/stats": Access.SERVICE,
    "GET /scheduler/allocations/{allocationId}": Access.USER,
    "GET /scheduler/allocations/{allocationId}/explain": Access.SERVICE,
    "POST /scheduler/allocations/{allocationId}/failover": Access.OPERATOR,
    "POST /scheduler/allocations/{allocationId}/renew": Access.USER,
    "GET /scheduler/allocations/{allocationId}/renewal": Access.USER,
    "POST /scheduler/allocations/{allocationId}/revoke": Access.OPERATOR,
    "GET /scheduler/audit": Access.OPERATOR,
    "GET /scheduler/audit-log": Access.OPERATOR,
    "GET /scheduler/console": Access.ANYONE,
    "GET /scheduler/console/{version}/{asset}": Access.ANYONE,
    "GET /scheduler/devices": Access.OPERATOR,
    "POST /scheduler/devices": Access.OPERATOR,
    "POST /scheduler/devices/allocate": Access.USER,
    "GET /scheduler/devices/available": Access.USER,
    "POST /scheduler/devices/release": Access.USER,
    "GET /scheduler/devices/{deviceId}": Access.OPERATOR,
    "PATCH /scheduler/devices/{deviceId}": Access.OPERATOR,
    "DELETE /scheduler/devices/{deviceId}": Access.OPERATOR,
    "POST /scheduler/devices/{deviceId}/drain": Access.OPERATOR,
    "POST /scheduler/devices/{deviceId}/quarantine": Access.OPERATOR,
    "POST /scheduler/devices/{deviceId}/recycled": Access.OPERATOR,
    "POST /scheduler/devices/{deviceId}/restore": Access.OPERATOR,
    "GET /scheduler/dlqs": Access.OPERATOR,
    "POST /scheduler/dlqs/{name}/redrive": Access.OPERATOR,
    "GET /scheduler/docs": Access.ANYONE,
    "GET /scheduler/fleet": Access.OPERATOR,
    "GET /scheduler/health": Access.ANYONE,
    "GET /scheduler/notifications": Access.USER,
    "GET /scheduler/notifications/preferences": Access.USER,
    "PUT /scheduler/notifications/preferences": Access.USER,
    "POST /scheduler/notifications/{notificationId}/read": Access.USER,
    "GET /scheduler/openapi.json": Access.ANYONE,
    "GET /scheduler/plans/{name}": Access.OPERATOR,
    "PUT /scheduler/plans/{name}": Access.OPERATOR,
    "GET /scheduler/queue": Access.USER,
    "POST /scheduler/queue": Access.USER,
    "POST /scheduler/queue/process": Access.OPERATOR,
    "GET /scheduler/queue/stats": Access.OPERATOR,
    "GET /scheduler/queue/{entryId}": Access.USER,
    "POST /scheduler/queue/{entryId}/cancel": Access.USER,
    "GET /scheduler/quotas/{userId}": Access.USER,
    "PUT /scheduler/quotas/{userId}": Access.OPERATOR,
    "GET /scheduler/reservations": Access.USER,
    "POST /scheduler/reservations": Access.USER,
    "POST /scheduler/reservations/check-conflict": Access.USER,
    "GET /scheduler/reservations/stats": Access.SERVICE,
    "GET /scheduler/reservations/{reservationId}": Access.USER,
    "PATCH /scheduler/reservations/{reservationId}": Access.USER,
    "POST /scheduler/reservations/{reservationId}/cancel": Access.USER,
    "GET /scheduler/strategy": Access.OPERATOR,
    "PUT /scheduler/strategy": Access.OPERATOR,
    "GET /scheduler/usage": Access.SERVICE,
    "GET /scheduler/webhooks": Access.SERVICE,
    "POST /scheduler/webhooks": Access.SERVICE,
    "GET /scheduler/webhooks/{webhookId}": Access.SERVICE,
    "DELETE /scheduler/webhooks/{webhookId}": Access.SERVICE,
    "POST /scheduler/webhooks/{webhookId}/enable": Access.SERVICE,
    "POST /scheduler/webhooks/{webhookId}/ping": Access.SERVICE,
}


def needed_for(route: str) -> Access:
    """Give what the caller of a route (method and path pattern) must be.

    Raises:
        RouteNotFound: The table does not name it.
    """
    try:
        return ROUTES[route]
    except KeyError:
        raise RouteNotFound from None


def admit(role: Role, needed: Access) -> None:
    """Let who has the right pass.

    Raises:
        Forbidden: The role does not have it.
    """
    if role not in ROLES[needed]:
        raise Forbidden
