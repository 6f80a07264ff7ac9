"""Undoes the wiring of the functions, so that the next request wires them anew from the environment."""

import sys

from aws_lambda_powertools.utilities.circuit_breaker import base as circuits

from scheduler.settings import settings


def forget_wiring() -> None:
    """Forget settings, connections and use cases, and what the process has seen of its circuits."""
    settings.cache_clear()
    for seen in (circuits._LOCAL_FAILURES, circuits._LOCAL_SUCCESSES, circuits._LAST_OBSERVED_STATE):
        seen.clear()
    for name, module in list(sys.modules.items()):
        if name.split(".")[:2] == ["scheduler", "runtime"]:
            for member in list(vars(module).values()):
                if hasattr(member, "cache_clear"):
                    member.cache_clear()
