"""What the user service knows: quota documents, and usage that was told."""

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from tools.neighbours.applied import Applied

_LIMITS = {"maxDevices": 10, "maxConcurrentDevices": 10}
_AMOUNTS = ("cpuCores", "memoryGB", "storageGB")


class Books:
    """In memory; safe to use from many threads."""

    def __init__(self, *, forgetful: bool = False) -> None:
        """Begin empty: every user has plan pro and uses nothing. Forgetful books apply a change that comes again."""
        self._lock = threading.Lock()
        self._quotas: dict[str, Mapping[str, Any]] = {}
        self._applied = Applied(forgetful=forgetful)
        self._used: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def set_quota(self, user_id: str, document: Mapping[str, Any]) -> None:
        """Keep members of a user's quota document; the rest is that of plan pro."""
        with self._lock:
            self._quotas[user_id] = document

    def quota(self, user_id: str) -> dict[str, Any]:
        """Return a user's quota document."""
        with self._lock:
            used = self._used[user_id]
            usage = {
                "currentDevices": used["devices"],
                **{f"used{name[0].upper()}{name[1:]}": used[name] for name in _AMOUNTS},
            }
            plain = {"status": "active", "validUntil": None, "limits": _LIMITS, "usage": usage, "planName": "pro"}
            return {**plain, **self._quotas.get(user_id, {})}

    def tell_usage(self, key: str, tenant_id: str, user_id: str, usage: Mapping[str, Any]) -> bool:
        """Apply a change unless one with this key was applied; tell whether it was new."""
        sign = {"increment": 1, "decrement": -1}[usage["operation"]]
        changes = {"devices": sign, **{name: sign * usage[name] for name in _AMOUNTS}}
        with self._lock:
            if not self._applied.add(key, {"tenantId": tenant_id, "userId": user_id, **usage}):
                return False
            for name, change in changes.items():
                self._used[user_id][name] += change
            return True

    def usage(self) -> dict[str, Any]:
        """Return what was applied, in order, how many came again, and what each user uses now."""
        with self._lock:
            used = {user_id: dict(amounts) for user_id, amounts in self._used.items()}
            return {**self._applied.all(), "used": used}
