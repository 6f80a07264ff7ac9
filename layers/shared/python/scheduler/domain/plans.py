"""The built-in quota plans, from the one file that lists them."""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from scheduler.domain.quota import QuotaDocument, parse_document

BUILT_IN_PLANS: Mapping[str, Mapping[str, Any]] = json.loads(
    resources.files("scheduler.domain").joinpath("plans.json").read_text()
)
"""Limits by plan name, in the wire names of a quota document; absent: no limit."""


def plan_document(plan: str) -> QuotaDocument:
    """Give the quota of a user of whom only the plan is known.

    Raises:
        KeyError: There is no such built-in plan.
    """
    return parse_document({"status": "active", "planName": plan, "limits": BUILT_IN_PLANS[plan]})
