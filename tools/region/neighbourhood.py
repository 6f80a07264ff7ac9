"""The services next door that a region can have: which are wanted, and what starts each."""

from collections.abc import Mapping
from dataclasses import dataclass

TOKEN_SECRET = "service-token"
"""Name of the secret that signs our tokens for all of them."""


@dataclass(frozen=True)
class Neighbour:
    """One service: its process, the module that it runs, where its URL goes."""

    name: str
    module: str
    parameter: str
    variable: str


USER_SERVICE = Neighbour("user-service", "tools.neighbours.user_service", "UserServiceUrl", "USER_SERVICE_URL")
NEIGHBOURS = (
    USER_SERVICE,
    Neighbour("billing-service", "tools.neighbours.billing_service", "BillingServiceUrl", "BILLING_SERVICE_URL"),
    Neighbour(
        *("notification-service", "tools.neighbours.notification_service"),
        *("NotificationServiceUrl", "NOTIFICATION_SERVICE_URL"),
    ),
)


def wanted(environment: Mapping[str, str]) -> tuple[Neighbour, ...]:
    """Return all with NEIGHBOURS=1, the user service alone with USER_SERVICE=1, else none."""
    if environment.get("NEIGHBOURS") == "1":
        return NEIGHBOURS
    return (USER_SERVICE,) if environment.get("USER_SERVICE") == "1" else ()


def missing(asked: Mapping[str, str], region: Mapping[str, str]) -> list[str]:
    """Return the names of those that the environment asks for and the running region lacks."""
    return [neighbour.name for neighbour in wanted(asked) if neighbour.variable not in region]
