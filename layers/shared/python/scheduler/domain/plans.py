"""The quota plans, built in by the one file that lists them or changed by operators, and what a user has of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from scheduler.domain.model import User
from scheduler.domain.quota import QuotaDocument, parse_document

BUILT_IN_PLANS: Mapping[str, Mapping[str, Any]] = json.loads(
    resources.files("scheduler.domain").joinpath("plans.json").read_text()
)
"""Limits by plan name, in the wire names of a quota document; absent: no limit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. `limits`: by their names in a quota document; absent: no limit."""

    name: str
    limits: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """What an operator gives a user: a plan (None: the default one), and limits of her own in place of the plan's."""

    user: User
    plan_name: str | None
    status: str
    valid_until: datetime | None
    limits: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a user holds now. Sizes in MB."""

    devices: int
    cpu_cores: int
    memory_mb: int
    storage_mb: int


@dataclass(frozen=True, slots=True)
class ShownQuota:
    """A user's quota, and what she uses of it."""

    user: User
    document: QuotaDocument
    usage: Usage


def plan_document(plan: str) -> QuotaDocument:
    """Give the quota of a user of whom only the plan is known.

    Raises:
        KeyError: There is no such built-in plan.
    """
    return parse_document({"status": "active", "planName": plan, "limits": BUILT_IN_PLANS[plan]})
